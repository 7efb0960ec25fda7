"""Reads and sets the value of a hyperparameter, driven or not."""

from __future__ import annotations

from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.rates import attribute_of
from keras_extras.steering.proxies import ValueProxy


def present_value(optimizer: Any, name: str) -> float:
    """Returns the value of a hyperparameter that acts on the next step."""
    return value_at(optimizer, name, hyperparameters.batches_seen(optimizer))


def value_at(optimizer: Any, name: str, batches: int) -> float:
    """Returns the value of a hyperparameter at a number of batches."""
    value = vars(optimizer)[attribute_of(name)]
    step = keras.ops.convert_to_tensor(
        batches, hyperparameters.raw_iterations(optimizer).dtype
    )
    if isinstance(value, LearningRateSchedule):
        value = value(step)
    elif isinstance(value, ValueProxy):
        value = value.effective.at(step)
    return hyperparameters.number(value)


def last_step(optimizer: Any) -> int:
    """Returns the number of the batch that was trained last, from 0."""
    return max(hyperparameters.batches_seen(optimizer) - 1, 0)


def set_value(optimizer: Any, name: str, value: float) -> None:
    """Sets a hyperparameter of an optimizer that nothing drives."""
    if name == RATE:
        optimizer.learning_rate = value
    else:
        setattr(optimizer, name, value)
