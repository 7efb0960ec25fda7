"""Makes inputs of which predictions should not depend: what comes later, padding."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras.keras_internals.layer_tree import sublayers

_POSITIONS = 4


def later_changed(x: np.ndarray, y: np.ndarray | None) -> np.ndarray | None:
    """Returns sequences with another second half, if targets are one place ahead.

    Args:
        x: Inputs of some rows, of shape `(rows, positions, ...)`.
        y: Their targets; `None` is returned unless each is the input that follows.
    """
    if y is None or not 2 <= x.ndim <= 3 or x.shape[1] < _POSITIONS or len(x) < 2:
        return None
    columns = x.reshape(*x.shape[:2], -1)
    if y.shape not in (x.shape[:2], (*x.shape[:2], 1)) or len(np.unique(x)) <= 2:
        return None
    ahead = columns[:, 1:] == y.reshape(*x.shape[:2], 1)[:, :-1]
    # The last target is not among the inputs; where it is, nothing was shifted.
    if not ahead.all(axis=(0, 1)).any():
        return None
    half = x.shape[1] // 2
    changed = x.copy()
    changed[:, half:] = np.roll(x[:, half:], 1, axis=0)
    return None if np.array_equal(changed, x) else changed


def first_half(predictions: np.ndarray, positions: int) -> np.ndarray:
    """Returns what is predicted at the first half of the positions of sequences."""
    if predictions.ndim < 2 or predictions.shape[1] != positions:
        return predictions[:0]
    return predictions[:, : positions // 2]


def padded_table(model: Any, x: np.ndarray) -> Any | None:
    """Returns the embedding of tokens that are padded with 0, if they are."""
    if x.ndim != 2 or x.dtype.kind not in "iu" or not _is_padded(x):
        return None
    tables = [
        layer
        for layer in sublayers(model)
        if isinstance(layer, keras.layers.Embedding)
        # Another one is about positions, or of another input.
        and layer.built
        and layer.input_dim > x.max()
        and layer.input_dim != x.shape[1]
    ]
    return tables[0] if len(tables) == 1 else None


def _is_padded(x: np.ndarray) -> bool:
    """Returns whether 0 fills up rows of different lengths, and is nowhere else."""
    empty = x == 0
    lengths = np.sum(~empty, axis=1)
    if not lengths.all() or len(np.unique(lengths)) < 2:
        return False
    if np.mean(lengths < x.shape[1]) < 0.5:
        return False
    places = np.arange(x.shape[1])
    behind = (empty == (places >= lengths[:, None])).all()
    before = (empty == (places < x.shape[1] - lengths[:, None])).all()
    return bool(behind or before)


def with_another_padding(table: Any) -> Any:
    """Returns the weights of an embedding in which 0 is embedded as another token."""
    weights = keras.ops.convert_to_tensor(table.embeddings)
    return keras.ops.concatenate([weights[-1:], weights[1:]], axis=0)
