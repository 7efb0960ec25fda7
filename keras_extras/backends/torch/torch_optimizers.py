"""The optimizers of torch itself with which a training step of the user's own updates.

Keras knows nothing of them: they are those that a model holds, and those that were
about to write in a dry run of its step.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

_seen: weakref.WeakKeyDictionary[Any, weakref.WeakSet[Any]]
_seen = weakref.WeakKeyDictionary()


class UpdateReached(BaseException):
    """Ends a dry run where an optimizer of torch would write the weights.

    No `Exception`: a training step may catch these.
    """


@contextlib.contextmanager
def ended_by_updates(
    model: Any, on_update: Callable[[torch.optim.Optimizer], None]
) -> Iterator[None]:
    """Ends what runs in this thread before the first write of an optimizer of torch.

    Args:
        model: The model that is trained.
        on_update: Called with the optimizer.
    """
    thread = threading.get_ident()

    def before_a_step(optimizer: Any, args: Any, kwargs: Any) -> None:
        if threading.get_ident() == thread:
            _seen.setdefault(model, weakref.WeakSet()).add(optimizer)
            on_update(optimizer)
            raise UpdateReached

    hook = register_optimizer_step_pre_hook(before_a_step)
    try:
        with contextlib.suppress(UpdateReached):
            yield
    finally:
        hook.remove()


def torch_optimizers_of(model: Any) -> list[torch.optim.Optimizer]:
    """Returns the optimizers of torch that train `model`, as far as they are known."""
    found = {id(optimizer): optimizer for optimizer in _seen.get(model, ())}
    for value in list(vars(model).values()):
        several = isinstance(value, list | tuple)
        for each in value if several else [value]:
            if isinstance(each, torch.optim.Optimizer):
                found[id(each)] = each
    return list(found.values())


class StateKept:
    """What an optimizer of torch keeps beside the weights, to go back to.

    Args:
        optimizer: The optimizer.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._state = {
            parameter: {name: (value, _copy(value)) for name, value in state.items()}
            for parameter, state in optimizer.state.items()
        }
        self._groups = [dict(group) for group in optimizer.param_groups]

    def restore(self) -> None:
        """Gives the optimizer its state back."""
        self._optimizer.state.clear()
        with torch.no_grad():
            for parameter, state in self._state.items():
                for value, copy in state.values():
                    if isinstance(value, torch.Tensor):
                        value.copy_(copy)
                values = {name: value for name, (value, _) in state.items()}
                self._optimizer.state[parameter] = values
        for group, kept in zip(self._optimizer.param_groups, self._groups):
            group.clear()
            group.update(kept)


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, torch.Tensor) else value
