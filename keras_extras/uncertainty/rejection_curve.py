from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_extras.uncertainty.classes import classes_and_table


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
    measures of uncertainty: of the better one the curve rises earlier.

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
    doubt = 1 - table.max(axis=1) if uncertainty is None else np.ravel(uncertainty)
    if len(doubt) != len(classes) or not np.isfinite(doubt).all():
        raise ValueError(
            f"`uncertainty` must hold one finite number for each of the {len(classes)} "
            f"rows. Received: shape {np.shape(uncertainty)}"
        )
    right = table.argmax(axis=1) == classes
    order = np.argsort(doubt, kind="stable")
    kept = np.arange(1, len(order) + 1)
    accuracy = np.cumsum(right[order]) / kept
    rejected = 1 - kept / len(kept)
    return RejectionCurve(rejected=rejected[::-1], accuracy=accuracy[::-1])
