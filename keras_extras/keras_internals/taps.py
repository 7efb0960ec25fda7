"""Listens to layers, loss and optimizers of a model during one dry run."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any
from typing import Protocol

from keras_extras.keras_internals.overrides import Overrides

_LOSS_ARGUMENTS = ("x", "y", "y_pred", "sample_weight")

# Models that share layers may train in several threads. Overrides are put on and
# taken off in one of them at a time, else one would put back another's.
_one_at_a_time = threading.RLock()


class Listener(Protocol):
    """Is told of everything that happens in one step."""

    def on_output(self, layer: int, output: Any) -> None:
        """Takes what the layer of that number returned."""

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None:
        """Takes what a loss was computed from, and the loss."""

    def on_apply(self, optimizer: Any, gradients: Any, variables: Any) -> None:
        """Takes what an optimizer is to apply, and does not."""


class Taps:
    """Overrides on instances that tell the step in the same thread what happens.

    A distributed step runs in a thread for each replica: each hears only what happens
    in its own. To other threads an override is as if it were not there.

    Args:
        layers: The layers to hear of; their numbers are their places here.
        model: The model whose loss to hear of, or `None`.
        optimizers: The optimizers whose updates to keep from happening.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        model: Any = None,
        optimizers: Sequence[Any] = (),
    ) -> None:
        self._overrides: list[tuple[Any, str, Callable[..., Any]]] = []
        for number, layer in enumerate(layers):
            make = functools.partial(self._layer_call, number)
            self._overrides += [(layer, "call", make)]
            if getattr(layer, "quantization_mode", None) is not None:
                self._overrides += [(layer, "quantized_call", make)]
        if model is not None:
            self._overrides.append((model, "compute_loss", self._compute_loss))
        for optimizer in optimizers:
            make = functools.partial(self._apply, optimizer)
            self._overrides.append((optimizer, "apply", make))
        self._current = threading.local()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Puts the overrides on; meanwhile no other thread can do so."""
        with _one_at_a_time:
            overrides = Overrides()
            try:
                for owner, name, make in self._overrides:
                    overrides.set(owner, name, make(getattr(owner, name)))
                yield
            finally:
                overrides.restore()

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Sends to `listener` what happens in this thread."""
        self._current.listener = listener
        try:
            yield
        finally:
            self._current.listener = None

    def _listener(self) -> Listener | None:
        return getattr(self._current, "listener", None)

    def _layer_call(self, layer: int, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            output = call(*args, **kwargs)
            listener = self._listener()
            if listener is not None:
                listener.on_output(layer, output)
            return output

        return wrapper

    def _compute_loss(self, compute_loss: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(compute_loss)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            loss = compute_loss(*args, **kwargs)
            listener = self._listener()
            if listener is not None:
                listener.on_loss({**dict(zip(_LOSS_ARGUMENTS, args)), **kwargs}, loss)
            return loss

        return wrapper

    def _apply(self, optimizer: Any, apply: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(apply)
        def wrapper(grads: Any, trainable_variables: Any = None) -> Any:
            listener = self._listener()
            if listener is None:
                return apply(grads, trainable_variables)
            if trainable_variables is None:
                trainable_variables = optimizer._trainable_variables
            listener.on_apply(optimizer, list(grads), list(trainable_variables))
            return None

        return wrapper
