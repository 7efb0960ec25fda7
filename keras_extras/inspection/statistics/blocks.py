"""Cuts arrays into pieces that stay in the processor's cache from pass to pass."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from collections.abc import Iterator

import numpy as np

from keras_extras.backends.contract import Stack

_ELEMENTS = 262_144  # of a piece: 1 MiB
_FEW = 2_048

_ones = np.ones(_ELEMENTS, np.float32)
_scratch = threading.local()


def blocks(values: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields rows, and a piece of them, of an array of shape `(rows, elements)`.

    Together the pieces are the array; a long row comes in several.
    """
    rows, length = values.shape
    if length > _ELEMENTS:
        for row in range(rows):
            for start in range(0, length, _ELEMENTS):
                piece = values[row : row + 1, start : start + _ELEMENTS]
                yield slice(row, row + 1), piece
        return
    height = max(_ELEMENTS // max(length, 1), 1)
    for start in range(0, rows, height):
        yield slice(start, start + height), values[start : start + height]


def joined(stacks: Iterable[Stack]) -> list[Stack]:
    """Returns stacks of which the small ones are rows of one, filled up with zeros.

    Zeros change no sum, no largest magnitude and no number of values that are not 0.
    For a few values, the calls that reduce them take longer than all else.
    """
    large: list[Stack] = []
    small: list[Stack] = []
    for stack in stacks:
        (small if stack.values.size <= _FEW else large).append(stack)
    if len(small) < 2:
        return large + small
    members = tuple(member for stack in small for member in stack.members)
    widest = max(stack.values.shape[1] for stack in small)
    filled = np.zeros((len(members), widest), np.float32)
    row = 0
    for stack in small:
        height, width = stack.values.shape
        filled[row : row + height, :width] = stack.values
        row += height
    return [*large, Stack(members, filled)]


def scratch(piece: np.ndarray) -> np.ndarray:
    """Returns an array like `piece` to write to, the same memory each time."""
    if not hasattr(_scratch, "memory"):
        _scratch.memory = np.empty(_ELEMENTS, np.float32)
    return _scratch.memory[: piece.size].reshape(piece.shape)


def sums(piece: np.ndarray) -> np.ndarray:
    """Returns the sum of each row of a piece."""
    return piece @ _ones[: piece.shape[1]]


def square_sums(piece: np.ndarray) -> np.ndarray:
    """Returns the sum of the squares of each row of a piece."""
    return np.matmul(piece[:, None, :], piece[:, :, None])[:, 0, 0]


def count(conditions: np.ndarray) -> np.ndarray:
    """Returns how many elements of each row of a boolean array hold."""
    if len(conditions) > 32:
        return np.count_nonzero(conditions, axis=1)
    # With an axis, NumPy sums integers, which takes ten times as long.
    return np.array([np.count_nonzero(row) for row in conditions])
