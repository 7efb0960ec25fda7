"""True classes and probabilities, whatever form they come in."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras.uncertainty.tolerances import tolerance_of_sums

_TOLERANCE_OF_MEANS = 2.0**-5  # four times what bfloat16 is rounded by


def classes_and_table(
    y_true: Any, probabilities: Any, name: str = "y_true"
) -> tuple[np.ndarray, Any]:
    """Returns integer classes, `(rows,)`, and probabilities, `(rows, classes)`.

    Several labels, with a probability each, are rows of two classes.

    Args:
        y_true: The classes, in any of these forms.
        probabilities: What was predicted.
        name: What the argument with the classes is called. Defaults to `"y_true"`.
    """
    # Means of samples are in single precision, whatever the model computed them in.
    tolerance = tolerance_of_sums(probabilities, least=_TOLERANCE_OF_MEANS)
    table = numbers_of("probabilities", probabilities)
    if table.ndim > 1 and table.shape[-1] > 1:
        truth = numbers_of(name, y_true)
        if _are_labels(table, truth, tolerance):
            table, y_true = table.reshape(-1), truth.reshape(-1)
    if table.ndim < 2 or table.shape[-1] == 1:
        yes = table.reshape(-1, 1)
        table = np.concatenate([1 - yes, yes], axis=1)
    table = table.reshape(-1, table.shape[-1])
    off = np.abs(table.sum(axis=1) - 1).max() if len(table) else np.nan
    if not off <= tolerance or table.min() < -tolerance:
        raise ValueError(
            "`probabilities` must be from 0 to 1 and sum to 1 along the last axis, or "
            f"be one for each of several labels, with a `{name}` of 0 and 1 of the "
            "same shape; apply a softmax or a sigmoid to logits. "
            f"Received: shape {np.shape(probabilities)}, sums up to {off:.3g} away "
            "from 1"
        )
    classes = numbers_of(name, y_true)
    if classes.size == table.size and classes.ndim > 1 and classes.shape[-1] > 1:
        classes = _classes_of(classes.reshape(table.shape), y_true, name)
    classes = classes.ravel()
    outside = np.setdiff1d(classes, range(table.shape[1]))
    if len(classes) != len(table) or len(outside):
        values = f", with the value {outside[0]:g}" if len(outside) else ""
        raise ValueError(
            f"`{name}` must hold {len(table)} classes from 0 to {table.shape[1] - 1}, "
            f"or as many one-hot rows. Received: shape {np.shape(y_true)}{values}"
        )
    return classes.astype(int), table


def _are_labels(table: np.ndarray, truth: np.ndarray, tolerance: float) -> bool:
    """Returns whether each value is a probability of its own."""
    if table.shape != truth.shape or not np.isin(truth, (0, 1)).all():
        return False
    sums = np.abs(table.sum(axis=-1) - 1)
    within = table.min() >= -tolerance and table.max() <= 1 + tolerance
    return bool(table.size and within and sums.max() > tolerance)


def _classes_of(rows: np.ndarray, given: Any, name: str) -> np.ndarray:
    if not (np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all()):
        raise ValueError(
            f"`{name}` must be one-hot where it has a column for each class: one 1 in "
            "each row. Several labels need probabilities that are not those of "
            f"classes, whose sums are 1. Received: shape {np.shape(given)}"
        )
    return rows.argmax(axis=1)


def numbers_of(name: str, values: Any) -> np.ndarray:
    """Returns an array of numbers, in double precision.

    Raises:
        ValueError: If there are others than finite numbers, or none.
    """
    try:
        is_tensor = keras.ops.is_tensor(values)
        array = keras.ops.convert_to_numpy(values) if is_tensor else np.asarray(values)
        if array.dtype.kind not in "OUSMm":
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        array = np.empty(0, object)
    if array.dtype != np.float64 or not array.size or not array.ndim:
        raise ValueError(
            f"`{name}` must be an array of numbers. Received: {name}={_short(values)}"
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"`{name}` must be finite. Received: {np.size(array)} values, of which "
            f"{int((~np.isfinite(array)).sum())} are NaN or infinite"
        )
    return array


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
