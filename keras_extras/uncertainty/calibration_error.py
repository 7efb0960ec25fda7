"""One number for how far confidence is from accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_extras.uncertainty.reliability_curve import reliability_curve


def expected_calibration_error(
    y_true: Any, probabilities: Any, bins: int = 15, adaptive: bool = False
) -> float:
    """Returns the mean distance between confidence and accuracy, ECE.

    Predictions are sorted into bins by the probability of their class; the distance
    between mean confidence and share of right ones is averaged over the bins,
    weighted by their size. Use it beside `negative_log_likelihood`: a model that
    gives every input the frequencies of the classes has an ECE of 0 and is of no
    use, and ECE depends on the bins.

    Args:
        y_true: Integer classes, `(rows,)` or `(rows, 1)`, or one-hot rows.
        probabilities: Array, `(rows, classes)`, or `(rows,)` or `(rows, 1)` with the
            probability of class 1 of two. Axes of space are flattened into rows.
        bins: Integer >= 1, number of bins. Defaults to `15`.
        adaptive: Boolean. Whether bins have the same number of predictions, rather
            than the same width. Defaults to `False`.

    Returns:
        Float, 0 to 1, less is better.

    Raises:
        ValueError: If an argument has no valid value or the arrays do not fit.

    Example:

    ```python
    probabilities = model.predict(x_test)
    keras_extras.uncertainty.expected_calibration_error(y_test, probabilities)
    ```

    References:
        Naeini, Cooper & Hauskrecht (2015), "Obtaining well calibrated probabilities
        using Bayesian binning". Nixon et al. (2019), "Measuring calibration in deep
        learning" (adaptive bins).
    """
    curve = reliability_curve(y_true, probabilities, bins, adaptive)
    gaps = np.abs(curve.accuracy - curve.confidence)
    return float(np.sum(gaps * curve.count) / np.sum(curve.count))


def maximum_calibration_error(
    y_true: Any, probabilities: Any, bins: int = 15, adaptive: bool = False
) -> float:
    """Returns the largest distance between confidence and accuracy of a bin, MCE.

    Use it where one overconfident range is one too many. It is noisy: a bin of a few
    predictions decides as much as one of thousands; `adaptive` bins are steadier.

    Args:
        y_true: Integer classes, `(rows,)` or `(rows, 1)`, or one-hot rows.
        probabilities: Array, `(rows, classes)`, or `(rows,)` or `(rows, 1)` with the
            probability of class 1 of two.
        bins: Integer >= 1, number of bins. Defaults to `15`.
        adaptive: Boolean. Whether bins have the same number of predictions, rather
            than the same width. Defaults to `False`.

    Returns:
        Float, 0 to 1, less is better.

    Raises:
        ValueError: If an argument has no valid value or the arrays do not fit.

    Example:

    ```python
    probabilities = model.predict(x_test)
    keras_extras.uncertainty.maximum_calibration_error(y_test, probabilities)
    ```

    References:
        Naeini, Cooper & Hauskrecht (2015), "Obtaining well calibrated probabilities
        using Bayesian binning".
    """
    curve = reliability_curve(y_true, probabilities, bins, adaptive)
    return float(np.max(np.abs(curve.accuracy - curve.confidence)))
