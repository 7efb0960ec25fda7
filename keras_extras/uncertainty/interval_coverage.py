from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from keras_extras.uncertainty.classes import numbers_of


def interval_coverage(
    y_true: Any, mean: Any, std: Any, levels: Any = (0.5, 0.8, 0.9, 0.95)
) -> dict[float, float]:
    """Returns how often the truth lies within intervals of a normal distribution.

    For regression: of an honest standard deviation the central 90 % intervals hold
    90 % of the true values. Give it the square root of `total_variance`; the `std` of
    the samples alone leaves the noise of the data out and so is too small.

    Args:
        y_true: Array of true values.
        mean: Array of predictions, of as many values.
        std: Array of standard deviations, of as many values, > 0.
        levels: Probabilities of the intervals, between 0 and 1. Defaults to
            `(0.5, 0.8, 0.9, 0.95)`.

    Returns:
        A dict from each level to the share of the true values in its interval.

    Raises:
        ValueError: If the arrays do not fit or an argument has no valid value.

    Example:

    ```python
    model = keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(2),  # the mean, and the logarithm of the variance
        ]
    )
    model.build(x_test.shape)  # and train it
    p = keras_extras.uncertainty.mc_predict(model, x_test, variance="log_variance")
    std = np.sqrt(p.total_variance)
    keras_extras.uncertainty.interval_coverage(y_test, p.mean, std)
    ```

    References:
        Kuleshov, Fenner & Ermon (2018), "Accurate uncertainties for deep learning
        using calibrated regression".
    """
    truth, mean, std = (
        numbers_of(name, values)
        for name, values in {"y_true": y_true, "mean": mean, "std": std}.items()
    )
    shapes = [array.shape for array in (truth, mean, std)]
    if len({_without_ones(shape) for shape in shapes}) > 1:
        raise ValueError(
            "`y_true`, `mean` and `std` must have the same shape. "
            f"Received: {', '.join(map(str, shapes))}"
        )
    truth, mean, std = truth.ravel(), mean.ravel(), std.ravel()
    if not (std > 0).all():
        raise ValueError(f"`std` must be > 0. Received: smallest {std.min()}")
    levels = np.ravel(numbers_of("levels", levels)).tolist()
    if any(not 0 < level < 1 for level in levels):
        raise ValueError(f"`levels` must be between 0 and 1. Received: levels={levels}")
    distance = np.abs(truth - mean) / std
    widths = {level: NormalDist().inv_cdf(0.5 + level / 2) for level in levels}
    return {level: float(np.mean(distance <= w)) for level, w in widths.items()}


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns a shape without axes of one: `(rows, 1)` fits `(rows,)`."""
    return tuple(size for size in shape if size != 1)
