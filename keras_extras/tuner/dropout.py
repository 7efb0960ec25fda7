from __future__ import annotations

import math
from typing import Any

import keras

from keras_extras import checks
from keras_extras.tuner.arguments import check_search


def dropout(
    hp: Any, max_rate: float = 0.5, step: float = 0.1, name: str = "dropout"
) -> keras.layers.Dropout:
    """Makes the rate of a dropout layer part of the search.

    Layers that share a `name` share the rate. A rate of 0 drops nothing.

    Args:
        hp: KerasTuner `HyperParameters`.
        max_rate: Float between 0 and 1, the highest rate. Defaults to `0.5`.
        step: Float > 0, difference between two rates; between the two highest it may be
            smaller. Defaults to `0.1`.
        name: String, name of the hyperparameter. Defaults to `"dropout"`.

    Returns:
        A `keras.layers.Dropout`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    def build_model(hp):
        model = keras.Sequential(
            [
                keras.layers.Dense(64, activation="relu"),
                keras_extras.tuner.dropout(hp),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model
    ```
    """
    return keras.layers.Dropout(dropout_rate(hp, max_rate, step, name))


def dropout_rate(hp: Any, max_rate: float, step: float, name: str) -> float:
    """Returns a rate from 0 to `max_rate`."""
    check_search(hp, name)
    checks.check_fraction("max_rate", max_rate)
    if checks.check_positive("step", step) > max_rate:
        raise ValueError(
            "`step` must not be above `max_rate`. "
            f"Received: step={step!r}, max_rate={max_rate!r}"
        )
    # Named one by one: where steps are added up, what is left behind by rounding keeps
    # the highest rate out.
    count = math.ceil(round(max_rate / step, 9))
    rates = [round(number * step, 10) for number in range(count)]
    return round(float(hp.Choice(name, [*rates, float(max_rate)], ordered=True)), 10)
