from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_extras.uncertainty.classes import classes_and_table
from keras_extras.uncertainty.classes import numbers_of


@dataclass(frozen=True)
class RejectionCurve:
    """Shows how accurate predictions are if the most uncertain ones are refused.

    Attributes:
        rejected: Array, share of the predictions that are refused, 0 to below 1.
        accuracy: Array, share of the others that are right, 0 to 1.

    Example:

    ```python
    probabilities = model.predict(x_test)
    curve = keras_extras.uncertainty.accuracy_rejection_curve(y_test, probabilities)
    print(curve.accuracy[np.searchsorted(curve.rejected, 0.1)])
    ```
    """

    rejected: np.ndarray
    accuracy: np.ndarray


def accuracy_rejection_curve(
    y_true: Any, probabilities: Any, uncertainty: Any = None
) -> RejectionCurve:
    """Returns the accuracy of what is left when the most uncertain are refused.

    Use it to choose how many predictions a person should look at, and to compare
    measures of uncertainty: of the better one the curve rises earlier. Where several
    predictions are equally uncertain, the curve is the mean over all their orders.

    Args:
        y_true: Integer classes, `(rows,)` or `(rows, 1)`, or one-hot rows.
        probabilities: Array, `(rows, classes)`, or `(rows,)` or `(rows, 1)` with the
            probability of class 1 of two.
        uncertainty: Array, `(rows,)`, such as `prediction.mutual_information`, or
            `None` for 1 minus the largest probability. Defaults to `None`.

    Returns:
        A `RejectionCurve` of as many points as there are rows.

    Raises:
        ValueError: If the arrays do not fit or hold no probabilities.

    Example:

    ```python
    prediction = keras_extras.uncertainty.mc_predict(model, x_test)
    curve = keras_extras.uncertainty.accuracy_rejection_curve(
        y_test, prediction.mean, prediction.predictive_entropy
    )
    ```

    References:
        Nadeem, Zucker & Hanczar (2009), "Accuracy-rejection curves (ARCs) for
        comparing classification methods with a reject option".
    """
    classes, table = classes_and_table(y_true, probabilities)
    doubt = 1 - table.max(axis=1)
    if uncertainty is not None:
        doubt = np.ravel(numbers_of("uncertainty", uncertainty))
    if len(doubt) != len(classes):
        raise ValueError(
            f"`uncertainty` must hold one number for each of the {len(classes)} "
            f"predictions. Received: shape {np.shape(uncertainty)}"
        )
    right = (table.argmax(axis=1) == classes).astype(float)
    order = np.argsort(doubt, kind="stable")
    kept = np.arange(1, len(order) + 1)
    # Which of equally uncertain ones is refused first is chance: each is right as
    # often as all of them are.
    _, place = np.unique(doubt[order], return_inverse=True)
    shares = np.bincount(place, right[order]) / np.bincount(place)
    accuracy = np.cumsum(shares[place]) / kept
    rejected = 1 - kept / len(kept)
    return RejectionCurve(rejected=rejected[::-1], accuracy=accuracy[::-1])
