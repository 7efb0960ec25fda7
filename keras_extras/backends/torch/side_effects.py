"""Puts back what code of other people writes in a dry run past Keras' variables."""

from __future__ import annotations

from collections import OrderedDict
from collections import deque
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import torch

from keras_extras.backends.torch.held_generators import put_back_later
from keras_extras.backends.torch.torch_optimizers import torch_optimizers_of
from keras_extras.backends.torch.variables_kept import buffers_of
from keras_extras.backends.torch.variables_kept import tensors_of_training
from keras_extras.keras_internals.layer_tree import unique

_CONTAINERS = (list, dict, set, deque)


class SideEffects:
    """Takes down all that a step of a model may write to, and puts it back.

    A dry run keeps writes to Keras variables to itself, but a layer or a training step
    of other people may write to tensors in place, set attributes, or draw from a
    generator of its own: count its calls, keep a moving average, add noise. All of it
    would happen twice on a sampled batch.

    Args:
        model: The model.
        layers: The model and its layers.
    """

    def __init__(self, model: Any, layers: Sequence[Any]) -> None:
        self._names = {id(v._value): v.path for v in model.variables}
        owners = [*layers, *model.metrics]
        owners += [x for each in layers for x in vars(each).values() if _steers(x)]
        self._attributes = [(vars(each), dict(vars(each))) for each in unique(owners)]
        containers = [
            value
            for _, attributes in self._attributes
            for value in attributes.values()
            if isinstance(value, _CONTAINERS)
        ]
        for optimizer in torch_optimizers_of(model):
            containers += optimizer.param_groups
        self._contents = [(value, value.copy()) for value in unique(containers)]
        held = list(self._held())
        generators = map(put_back_later, held)
        self._generators = [each for each in generators if each is not None]
        self._buffers = {id(buffer) for buffer in buffers_of(model)}
        tensors = [*tensors_of_training(model), *filter(_is_tensor, held)]
        self._tensors = [(each, each.detach().clone()) for each in unique(tensors)]

    def _held(self) -> Iterator[Any]:
        """Yields all attributes, and what is in containers that are attributes."""
        for _, attributes in self._attributes:
            yield from attributes.values()
        for _, content in self._contents:
            yield from content.values() if isinstance(content, dict) else content

    def undo(self) -> str | None:
        """Puts everything back.

        Returns:
            The path of a variable of the model that was written to, or `None`.
        """
        written = None
        with torch.no_grad():
            for tensor, copy in self._tensors:
                if not _same(tensor, copy):
                    tensor.copy_(copy)
                    if id(tensor) not in self._buffers:
                        written = written or self._names.get(id(tensor))
        for put_back in self._generators:
            put_back()
        for now, before in self._attributes:
            _put_back(now, before)
        for value, content in self._contents:
            _put_content_back(value, content)
        return written


def _steers(value: Any) -> bool:
    """Returns whether an object scales losses or sets rates for an optimizer."""
    kinds = torch.amp.GradScaler, torch.optim.lr_scheduler.LRScheduler
    return isinstance(value, kinds)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and not value.is_meta


def _same(tensor: torch.Tensor, copy: torch.Tensor) -> bool:
    """Returns whether no element differs; NaN is the same as NaN.

    The count of writes that torch keeps leaves out those through `.data`.
    """
    tensor = tensor.detach()
    if torch.equal(tensor, copy):
        return True
    return tensor.is_floating_point() and bool(
        torch.isclose(tensor, copy, rtol=0.0, atol=0.0, equal_nan=True).all()
    )


def _put_back(now: dict[str, Any], before: dict[str, Any]) -> None:
    if len(now) == len(before) and all(
        now.get(name) is value for name, value in before.items()
    ):
        return
    now.clear()  # past `__setattr__`, and in the order in which they were
    now.update(before)


def _put_content_back(value: Any, content: Any) -> None:
    # Past the methods with which Keras would track what is put in.
    if isinstance(value, list):
        if not _alike(value, content):
            list.__setitem__(value, slice(None), content)
    elif isinstance(value, deque):
        if not _alike(value, content):
            value.clear()
            value.extend(content)
    elif isinstance(value, set):
        if value != content:
            set.clear(value)
            set.update(value, content)
    elif not (_alike(value, content) and _alike(value.values(), content.values())):
        kind = OrderedDict if isinstance(value, OrderedDict) else dict
        kind.clear(value)
        kind.update(value, content)


def _alike(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other))
