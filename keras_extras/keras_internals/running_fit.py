"""Finds out what Keras does not tell a callback about its `fit`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras


def callbacks_of_fit() -> Any | None:
    """Returns the `CallbackList` that calls `on_train_begin` just now, if any."""
    for frame in _frames():
        found = _local(frame, "self")
        if isinstance(found, keras.callbacks.CallbackList):
            return found
    return None


def data_of_fit() -> Any | None:
    """Returns the iterator over the batches of the `fit` that runs now, if any."""
    return local_of_fit(callbacks_of_fit(), "epoch_iterator")


def data_being_read() -> Any | None:
    """Returns the iterator over the batches of the `fit` that this is called within.

    That may be a train function, of which the callbacks know nothing.
    """
    for frame in _frames():
        data = _local(frame, "epoch_iterator")
        if data is not None and frame.f_code.co_name == "fit":
            return data
    return None


def local_of_fit(callbacks: Any, name: str) -> Any:
    """Returns a local variable of the `fit` that runs `callbacks`, or `None`."""
    for frame in _frames():
        if _local(frame, "callbacks") is callbacks and _has(frame, name):
            return _local(frame, name)
    return None


def batches_per_epoch(params: dict[str, Any] | None) -> int | None:
    """Returns how many batches an epoch of the `fit` that begins will train.

    Keras trains whole executions: with data that last, `steps_per_epoch=18` and
    `steps_per_execution=5` it trains 20.

    Args:
        params: The attribute `params` of a callback.
    """
    steps: int | None = (params or {}).get("steps")
    data = data_of_fit()
    at_once = getattr(data, "steps_per_execution", 1)
    if not params or steps is None or data is None or not data.steps_per_epoch:
        return steps
    held = data.data_adapter.num_batches
    whole = -(-steps // at_once) * at_once
    lasts = held is None or held >= whole * params.get("epochs", 1)
    return whole if lasts else steps


def keeps_best(callbacks: Any) -> bool:
    """Returns whether a callback of this `fit` keeps the weights of the best epoch."""
    names = ("restore_best_weights", "save_best_only")
    found = getattr(callbacks, "callbacks", ())
    return any(getattr(callback, name, False) for callback in found for name in names)


def _has(frame: Any, name: str) -> bool:
    code = frame.f_code
    return name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars)


def _local(frame: Any, name: str) -> Any:
    """Returns a local variable of a frame, `None` if it has none of that name.

    The locals of other frames are left alone: Python keeps what it has shown of them,
    and so would keep what a user has deleted.
    """
    return frame.f_locals.get(name) if _has(frame, name) else None


def _frames() -> Iterator[Any]:
    frame = inspect.currentframe()
    # Not those of this module: they would hold themselves, and the `fit` with it.
    while frame is not None and frame.f_globals is globals():
        frame = frame.f_back
    while frame is not None:
        yield frame
        frame = frame.f_back
