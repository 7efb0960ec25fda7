"""Puts the rows of several batches together: inputs, targets, predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.batch_tensor import BatchTensor


def targets_of(batches: Sequence[BatchRows], place: int = 0) -> np.ndarray | None:
    """Returns the targets of one output: an array of shape `(rows, features)`.

    Each step of a sequence, and each pixel of an image, is a row of its own.
    """
    return _stack(
        [_by_last_axis(b.targets[place]) for b in batches if len(b.targets) > place]
    )


def inputs_of(batches: Sequence[BatchRows], place: int = 0) -> np.ndarray | None:
    """Returns one of the inputs: an array of shape `(rows, features)`."""
    return _stack([b.inputs[place].values for b in batches if len(b.inputs) > place])


def predictions_of(batches: Sequence[BatchRows], place: int = 0) -> np.ndarray | None:
    """Returns one of the outputs, as `targets_of` returns targets."""
    return _stack(
        [
            _by_last_axis(b.predictions[place])
            for b in batches
            if len(b.predictions) > place
        ]
    )


def _by_last_axis(tensor: BatchTensor) -> np.ndarray:
    sizes = [size for size in tensor.shape if size is not None]
    whole = len(sizes) == len(tensor.shape) and len(sizes) >= 2
    if whole and tensor.values.shape[1] == math.prod(sizes):
        return tensor.values.reshape(-1, sizes[-1])
    return tensor.values


def _stack(arrays: list[np.ndarray]) -> np.ndarray | None:
    same = [a for a in arrays if len(a) and a.shape[1] == arrays[-1].shape[1]]
    return np.concatenate(same) if same else None
