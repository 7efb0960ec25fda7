"""Functions that Keras compiles for a model, apart for what goes on in one thread."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras

from keras_extras.keras_internals.overrides import attribute_set

_lock = threading.RLock()
_numbers = itertools.count(1)
_context: ContextVar[int] = ContextVar("compiled_apart", default=0)


def starts_threads(model: Any) -> bool:
    """Returns whether functions of a model run in a thread for each replica."""
    return getattr(model, "_distribute_strategy", None) is not None


class _ByContext:
    """Stands for one function of a model, and has one for each context.

    Args:
        model: The model.
        name: Name of the attribute, `"predict_function"` or another one.
    """

    def __init__(self, model: Any, name: str) -> None:
        self._model = model
        self._name = name
        self._functions = {0: vars(model).get(name)}
        self.users = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function()(*args, **kwargs)

    def _function(self) -> Callable[..., Any]:
        context = _context.get()
        with _lock:
            if self._functions.get(context) is None:
                self._functions[context] = self._make()
            return self._functions[context]

    def _make(self) -> Callable[..., Any]:
        attributes = vars(self._model)
        attributes[self._name] = None
        try:
            with _step_of_its_own(self._model, self._name):
                getattr(self._model, f"make_{self._name}")()
            return attributes[self._name]
        finally:
            attributes[self._name] = self

    def leave(self, context: int) -> None:
        """Ends a context; with the last one the model has a plain function again."""
        self._functions.pop(context, None)
        self.users -= 1
        if not self.users:
            attributes = vars(self._model)
            # Another one stands there if the model was compiled meanwhile: it may have
            # been traced in a context.
            is_there = attributes.get(self._name) is self
            attributes[self._name] = self._functions[0] if is_there else None


@contextmanager
def compiled_apart(model: Any, *names: str) -> Iterator[None]:
    """Compiles functions of a model anew for as long as the context lasts.

    Only for calls from this thread: others have the functions that were there.

    Args:
        model: The model.
        *names: Names of the functions, such as `"predict_function"`.
    """
    context = next(_numbers)
    with _lock:
        functions = [_taken(model, name) for name in names]
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)
        with _lock:
            for function in functions:
                function.leave(context)


@contextmanager
def _step_of_its_own(model: Any, name: str) -> Iterator[None]:
    """Has a function of a model made from a step that JAX has not traced before.

    It keeps traces by function, and two bound methods of one object are the same to it.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    step = name.removesuffix("function") + "step"
    with attribute_set(model, step, functools.partial(getattr(model, step))):
        yield


def _taken(model: Any, name: str) -> _ByContext:
    function = vars(model).get(name)
    if not isinstance(function, _ByContext):
        function = vars(model)[name] = _ByContext(model, name)
    function.users += 1
    return function
