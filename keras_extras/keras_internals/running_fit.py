"""Finds out what Keras does not tell a callback about its `fit`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras


def callbacks_of_fit() -> Any | None:
    """Returns the `CallbackList` that calls `on_train_begin` just now, if any."""
    for frame in _frames():
        found = frame.f_locals.get("self")
        if isinstance(found, keras.callbacks.CallbackList):
            return found
    return None


def data_of_fit() -> Any | None:
    """Returns the iterator over the batches of the `fit` that runs now, if any."""
    return local_of_fit(callbacks_of_fit(), "epoch_iterator")


def data_being_read() -> Any | None:
    """Returns the iterator over the batches of the `fit` that this is called within.

    That may be a train function, of which the callbacks know nothing. The locals of no
    other frame are looked at: Python keeps what it has shown of them, and so would keep
    what a user has deleted.
    """
    name = "epoch_iterator"
    for frame in _frames():
        code = frame.f_code
        if code.co_name == "fit" and name in (*code.co_varnames, *code.co_cellvars):
            return frame.f_locals.get(name)
    return None


def local_of_fit(callbacks: Any, name: str) -> Any:
    """Returns a local variable of the `fit` that runs `callbacks`, or `None`."""
    for frame in _frames():
        if frame.f_locals.get("callbacks") is callbacks and name in frame.f_locals:
            return frame.f_locals[name]
    return None


def keeps_best(callbacks: Any) -> bool:
    """Returns whether a callback of this `fit` keeps the weights of the best epoch."""
    names = ("restore_best_weights", "save_best_only")
    found = getattr(callbacks, "callbacks", ())
    return any(getattr(callback, name, False) for callback in found for name in names)


def _frames() -> Iterator[Any]:
    frame = inspect.currentframe()
    # Not those of this module: they would hold themselves, and the `fit` with it.
    while frame is not None and frame.f_globals is globals():
        frame = frame.f_back
    while frame is not None:
        yield frame
        frame = frame.f_back
