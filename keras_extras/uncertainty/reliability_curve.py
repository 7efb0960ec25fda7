from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_extras.checks import check_count
from keras_extras.checks import check_flag
from keras_extras.uncertainty.classes import classes_and_table


@dataclass(frozen=True)
class ReliabilityCurve:
    """Shows how often predictions of a given confidence are right.

    Attributes:
        confidence: Array, mean confidence of the predictions of each bin.
        accuracy: Array, share of them that are right, 0 to 1.
        count: Integer array, number of them. Bins without any are left out.
        edges: Array, the limits of all bins.

    Example:

    ```python
    probabilities = model.predict(x_test)
    curve = keras_extras.uncertainty.reliability_curve(y_test, probabilities)
    print(np.c_[curve.confidence, curve.accuracy, curve.count])
    ```
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray
    edges: np.ndarray


def reliability_curve(
    y_true: Any, probabilities: Any, bins: int = 15, adaptive: bool = False
) -> ReliabilityCurve:
    """Returns the accuracy of predictions by their confidence.

    Args:
        y_true: Integer classes, `(rows,)` or `(rows, 1)`, or one-hot rows.
        probabilities: Array, `(rows, classes)`, or `(rows,)` or `(rows, 1)` with the
            probability of class 1 of two.
        bins: Integer >= 1, number of bins. Defaults to `15`.
        adaptive: Boolean. Whether bins have the same number of predictions, rather
            than the same width. Defaults to `False`.

    Returns:
        A `ReliabilityCurve`.

    Raises:
        ValueError: If an argument has no valid value or the arrays do not fit.

    Example:

    ```python
    probabilities = model.predict(x_test)
    curve = keras_extras.uncertainty.reliability_curve(y_test, probabilities)
    keras_extras.uncertainty.plot_reliability(curve).show()
    ```

    References:
        DeGroot & Fienberg (1983), "The comparison and evaluation of forecasters".
        Guo et al. (2017), "On calibration of modern neural networks".
    """
    bins = check_count("bins", bins)
    adaptive = check_flag("adaptive", adaptive)
    classes, table = classes_and_table(y_true, probabilities)
    confidence, right = table.max(axis=1), table.argmax(axis=1) == classes
    edges = np.linspace(0.0, 1.0, bins + 1)
    if adaptive:
        edges = np.quantile(confidence, edges)
    # A value on an edge belongs to the bin below it.
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = count > 0
    sums = np.bincount(place, confidence, bins), np.bincount(place, right, bins)
    return ReliabilityCurve(
        confidence=sums[0][filled] / count[filled],
        accuracy=sums[1][filled] / count[filled],
        count=count[filled],
        edges=edges,
    )
