"""Has callbacks of Keras save a model in a context of ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import keras

from keras_extras.keras_internals.overrides import Overrides

Context = Callable[[], AbstractContextManager[None]]


def surround(overrides: Overrides, owner: Any, name: str, context: Context) -> None:
    """Has a method of one object run within a context, until `overrides` ends."""
    method = getattr(owner, name)

    def within(*args: Any, **kwargs: Any) -> Any:
        with context():
            return method(*args, **kwargs)

    overrides.set(owner, name, within)


def surround_saving(overrides: Overrides, callback: Any, context: Context) -> None:
    """Does so with what writes files in a `ModelCheckpoint`, whenever that is due."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        surround(overrides, callback, "_save_model", context)
