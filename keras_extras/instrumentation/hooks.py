"""Overrides of a model's calls, its loss and its update, for the time of one trace."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from typing import Protocol

from keras_extras.instrumentation.layer_table import Site

_MISSING = object()
_LOSS_ARGUMENTS = ("x", "y", "y_pred", "sample_weight")


class Listener(Protocol):
    """What hears of everything that happens in one step."""

    def on_inputs(self, inputs: Any) -> None: ...

    def on_output(self, site: Site, output: Any) -> None: ...

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None: ...

    def on_update(
        self, optimizer: Any, gradients: list[Any], variables: list[Any]
    ) -> Callable[[], None]: ...


class Hooks:
    """Instance overrides that tell the step in the same thread what happens.

    Replicas of a distributed step are traced by interleaved threads: the first
    one to enter installs the overrides, the last one to leave removes them, and
    each hears only what happens in its own thread.
    """

    def __init__(self, model: Any, sites: list[Site], optimizers: list[Any]) -> None:
        self._overrides: list[tuple[Any, str, Callable[..., Any]]] = [
            (model, "call", self._model_call),
            (model, "compute_loss", self._compute_loss),
        ]
        self._overrides += [
            (s.layer, "call", functools.partial(self._layer_call, s)) for s in sites
        ]
        self._overrides += [
            (optimizer, "apply", functools.partial(self._apply, optimizer))
            for optimizer in optimizers
        ]
        self._lock = threading.Lock()
        self._depth = 0
        self._saved: list[Any] = []
        self._current = threading.local()

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Sends to `listener` what happens in this thread."""
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._install()
        self._current.listener = listener
        try:
            yield
        finally:
            self._current.listener = None
            with self._lock:
                self._depth -= 1
                if self._depth == 0:
                    self._remove()

    def _install(self) -> None:
        for owner, name, make in self._overrides:
            self._saved.append(vars(owner).get(name, _MISSING))
            # Past `__setattr__`, which would track the override in the model.
            vars(owner)[name] = make(getattr(owner, name))

    def _remove(self) -> None:
        while self._saved:
            owner, name, _ = self._overrides[len(self._saved) - 1]
            saved = self._saved.pop()
            if saved is _MISSING:
                vars(owner).pop(name, None)
            else:
                vars(owner)[name] = saved

    def _listener(self) -> Listener | None:
        return getattr(self._current, "listener", None)

    def _model_call(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            listener = self._listener()
            if listener is not None:
                listener.on_inputs((args, kwargs))
            return call(*args, **kwargs)

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

    def _layer_call(self, site: Site, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            output = call(*args, **kwargs)
            listener = self._listener()
            if listener is not None:
                listener.on_output(site, output)
            return output

        return wrapper

    def _apply(self, optimizer: Any, apply: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(apply)
        def wrapper(grads: Any, trainable_variables: Any = None) -> Any:
            listener = self._listener()
            if listener is None:
                return apply(grads, trainable_variables)
            if trainable_variables is None:
                trainable_variables = optimizer._trainable_variables
            grads, variables = list(grads), list(trainable_variables)
            updated = listener.on_update(optimizer, grads, variables)
            result = apply(grads, variables)
            updated()
            return result

        return wrapper
