"""Reads and sets what an optimizer has for a learning rate."""

from __future__ import annotations

from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.keras_internals import hyperparameters

RATE = "learning_rate"


def attribute_of(name: str) -> str:
    """Returns where an optimizer keeps a hyperparameter, which a property may hide."""
    return "_learning_rate" if name == RATE else name


def rate_in_place(optimizer: Any) -> Any:
    """Returns what an optimizer has for a rate: a variable, a schedule or a proxy."""
    return vars(optimizer).get(attribute_of(RATE))


def own_rate(optimizer: Any) -> Any:
    """Returns the variable, schedule or function that the user gave as a rate.

    Args:
        optimizer: A Keras optimizer, none that wraps others. A scheduler may drive it.
    """
    rate = rate_in_place(optimizer)
    effective = getattr(rate, "effective", None)
    return rate if effective is None else effective.base


def has_number(optimizer: Any) -> bool:
    """Returns whether the rate of an optimizer is a number."""
    return isinstance(own_rate(optimizer), keras.Variable)


def shares_of_rate(optimizers: list[Any]) -> list[float]:
    """Returns by what a common rate is multiplied for each part of an optimizer.

    Parts that differ in nothing but their rate keep it as a share of the largest:
    they are one optimizer at different rates. All others have the share 1.
    """
    alone = [1.0] * len(optimizers)
    if not all(has_number(optimizer) for optimizer in optimizers):
        return alone
    kinds = [_all_but_rate(optimizer) for optimizer in optimizers]
    if any(kind is None or kind != kinds[0] for kind in kinds):
        return alone
    rates = [hyperparameters.number(own_rate(o)) for o in optimizers]
    return [rate / max(rates) if max(rates) > 0 else 1.0 for rate in rates]


def _all_but_rate(optimizer: Any) -> Any:
    try:
        config = optimizer.get_config()
    except Exception:  # of a class that cannot be saved
        return None
    own = {k: v for k, v in config.items() if k not in ("learning_rate", "name")}
    return type(optimizer), own


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
