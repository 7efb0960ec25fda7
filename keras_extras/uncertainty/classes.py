"""True classes and probabilities, whatever form they come in."""

from __future__ import annotations

from typing import Any

import numpy as np

_SUM_TOLERANCE = 1e-3


def check_bins(bins: Any) -> None:
    """Raises `ValueError` unless it is an integer >= 1."""
    whole = hasattr(bins, "__index__") and not isinstance(bins, bool)
    if not whole or bins < 1:
        raise ValueError(f"`bins` must be an integer >= 1. Received: bins={bins!r}")


def classes_and_table(y_true: Any, probabilities: Any) -> tuple[np.ndarray, Any]:
    """Returns integer classes, `(rows,)`, and probabilities, `(rows, classes)`."""
    table = np.asarray(probabilities, np.float64)
    if table.ndim < 2 or table.shape[-1] == 1:
        yes = table.reshape(-1, 1)
        table = np.concatenate([1 - yes, yes], axis=1)
    table = table.reshape(-1, table.shape[-1])
    off = np.abs(table.sum(axis=1) - 1).max() if len(table) else np.nan
    if not off <= _SUM_TOLERANCE or table.min() < -_SUM_TOLERANCE:
        raise ValueError(
            "`probabilities` must be from 0 to 1 and sum to 1 along the last axis; "
            f"apply a softmax to logits. Received: shape {np.shape(probabilities)}, "
            f"sums up to {off:.3g} away from 1"
        )
    classes = np.asarray(y_true)
    if classes.size == table.size and classes.ndim > 1 and classes.shape[-1] > 1:
        classes = classes.reshape(table.shape).argmax(axis=1)
    classes = classes.ravel()
    valid = len(classes) == len(table) and np.isin(classes, range(table.shape[1])).all()
    if not valid:
        raise ValueError(
            f"`y_true` must hold {len(table)} classes from 0 to {table.shape[1] - 1}, "
            f"or as many one-hot rows. Received: shape {np.shape(y_true)}"
        )
    return classes.astype(int), table
