"""Reads the arrays that `fit` was given, where it was given arrays."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

import keras
import numpy as np


class FitArrays(NamedTuple):
    """The data of a `fit` as the user has them.

    Attributes:
        x: The inputs, in their structure.
        y: The targets, in their structure, or `None`.
        weights: The weights of the rows, those of classes included, or `None`.
        batch_size: Number of rows of a batch.
        shuffles: Whether Keras shuffles the rows.
    """

    x: Any
    y: Any
    weights: Any
    batch_size: int
    shuffles: bool


def arrays_of(epoch_iterator: Any) -> FitArrays | None:
    """Returns the arrays behind Keras' own iterator over epochs.

    Nothing is drawn from the iterator: `None` for data that only it can tell.
    """
    adapter: Any = getattr(epoch_iterator, "data_adapter", None)
    data = getattr(adapter, "_inputs", None)
    if type(adapter).__name__ != "ArrayDataAdapter" or data is None:
        return None
    x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    leaves = [leaf for leaf in keras.tree.flatten((x, y, weights)) if leaf is not None]
    if not all(isinstance(leaf, np.ndarray) for leaf in leaves):
        return None
    return FitArrays(x, y, weights, adapter._batch_size, bool(adapter._shuffle))


def validation_arrays_of(model: Any) -> FitArrays | None:
    """Returns the arrays that the `fit` of a model validates on, once it has."""
    return arrays_of(getattr(model, "_eval_epoch_iterator", None))
