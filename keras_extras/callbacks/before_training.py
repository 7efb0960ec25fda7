"""Checks what a monitoring callback needs, when a training is about to start."""

from __future__ import annotations

from typing import Any

from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.running_fit import callbacks_of_fit


def check_compiled(model: Any, name: str) -> None:
    """Raises a `ValueError` unless the model of callback `name` has an optimizer."""
    if not hyperparameters.optimizers_of(model):
        raise ValueError(
            f"`{name}` needs a model that is compiled with an optimizer. "
            f"Received: model={model!r}, model.optimizer=None"
        )


def check_stands_once(callback: Any) -> None:
    """Raises a `ValueError` if a callback is among those of this `fit` twice."""
    callbacks = getattr(callbacks_of_fit(), "callbacks", ())
    if sum(each is callback for each in callbacks) > 1:
        raise ValueError(
            "`callbacks` must hold each callback once: Keras would tell it of every "
            f"batch twice. Received: {type(callback).__name__} more than once"
        )
