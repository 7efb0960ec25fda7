"""Proper scores: honest probabilities have the best value."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_extras.uncertainty.classes import classes_and_table


def brier_score(y_true: Any, probabilities: Any) -> float:
    """Returns the mean squared distance of the probabilities from the truth.

    The sum over the classes, as Brier defined it, so 0 to 2; for one probability of
    two classes that is twice the number that scikit-learn gives. A proper score: the
    honest probabilities have the lowest value.

    Args:
        y_true: Integer classes, `(rows,)` or `(rows, 1)`, or one-hot rows.
        probabilities: Array, `(rows, classes)`, or `(rows,)` or `(rows, 1)` with the
            probability of class 1 of two.

    Returns:
        Float, 0 to 2, less is better.

    Raises:
        ValueError: If the arrays do not fit or hold no probabilities.

    Example:

    ```python
    probabilities = model.predict(x_test)
    keras_extras.uncertainty.brier_score(y_test, probabilities)
    ```

    References:
        Brier (1950), "Verification of forecasts expressed in terms of probability".
    """
    classes, table = classes_and_table(y_true, probabilities)
    truth = np.eye(table.shape[1])[classes]
    return float(np.mean(np.sum((table - truth) ** 2, axis=1)))


def negative_log_likelihood(y_true: Any, probabilities: Any) -> float:
    """Returns the mean of `-log p` of the true class, in nats.

    A proper score, and the one to compare with a cross-entropy loss. One sure and
    wrong prediction costs much: probabilities are held to 1e-12 or more.

    Args:
        y_true: Integer classes, `(rows,)` or `(rows, 1)`, or one-hot rows.
        probabilities: Array, `(rows, classes)`, or `(rows,)` or `(rows, 1)` with the
            probability of class 1 of two.

    Returns:
        Float >= 0, less is better.

    Raises:
        ValueError: If the arrays do not fit or hold no probabilities.

    Example:

    ```python
    probabilities = model.predict(x_test)
    keras_extras.uncertainty.negative_log_likelihood(y_test, probabilities)
    ```

    References:
        Gneiting & Raftery (2007), "Strictly proper scoring rules, prediction, and
        estimation".
    """
    classes, table = classes_and_table(y_true, probabilities)
    true = table[np.arange(len(table)), classes]
    return float(-np.mean(np.log(np.maximum(true, 1e-12))))
