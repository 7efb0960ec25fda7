"""Reads and sets what an optimizer has for a learning rate."""

from __future__ import annotations

from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule


def own_rate(optimizer: Any) -> Any:
    """Returns the variable, schedule or function that the user gave as a rate.

    Args:
        optimizer: A Keras optimizer, none that wraps others. A scheduler may drive it.
    """
    rate = vars(optimizer)["_learning_rate"]
    law = getattr(rate, "law", None)
    return rate if law is None else law.base


def has_number(optimizer: Any) -> bool:
    """Whether the rate of an optimizer is a number."""
    return isinstance(own_rate(optimizer), keras.Variable)


def set_rate(optimizer: Any, rate: Any) -> None:
    """Gives an optimizer the learning rate `rate`, a number or a schedule."""
    own = own_rate(optimizer)
    if isinstance(rate, LearningRateSchedule):
        optimizer.learning_rate = rate
    elif isinstance(own, keras.Variable):
        own.assign(rate)
    else:
        _set_number(optimizer, rate)


def multiply_rate(optimizer: Any, factor: float) -> None:
    """Multiplies the rate of an optimizer, which must be a number."""
    own = own_rate(optimizer)
    own.assign(own * factor)


def _set_number(optimizer: Any, rate: float) -> None:
    with keras.name_scope(optimizer.name, caller=optimizer):
        variable = keras.Variable(
            rate,
            name="learning_rate",
            dtype=keras.config.floatx(),
            trainable=False,
            aggregation="only_first_replica",
        )
    optimizer._learning_rate = variable
    # Files hold the variables in their order, and a new optimizer has this one second.
    optimizer._variables.insert(1, optimizer._variables.pop())
