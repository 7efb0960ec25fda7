"""Lays arrays of one shape on top of each other, on the host."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from keras_extras.backends.contract import Stack

_SMALL = 65_536  # elements; copying what is larger costs more than it saves
_SMALL_ROW = 8_192  # elements of one example's output


def stack_flat(arrays: Iterable[tuple[int, np.ndarray]]) -> tuple[Stack, ...]:
    """Returns numbered arrays, flattened, in groups of one size."""
    groups: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
    for number, array in arrays:
        alone = number if array.size > _SMALL else -1
        flat = as_float(array).reshape(-1)
        groups.setdefault((array.size, alone), []).append((number, flat))
    return _stacked(groups.values())


def stack_outputs(arrays: Sequence[np.ndarray]) -> tuple[Stack, ...]:
    """Returns what layers return, as rows of units, in groups of one shape."""
    groups: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = {}
    for number, array in enumerate(arrays):
        rows = _rows_of_units(as_float(array))
        small = math.prod(array.shape[1:]) < _SMALL_ROW
        key = rows.shape if small else (*rows.shape, number)
        groups.setdefault(key, []).append((number, rows))
    return _stacked(groups.values())


def as_float(array: np.ndarray) -> np.ndarray:
    """Returns an array as float32; itself if it is."""
    return np.asarray(array, np.float32)


def _rows_of_units(array: np.ndarray) -> np.ndarray:
    if array.ndim < 2:
        return array.reshape(array.size, 1)
    *rows, units = array.shape
    return array.reshape(math.prod(rows), units)


def _stacked(
    groups: Iterable[list[tuple[int, np.ndarray]]],
) -> tuple[Stack, ...]:
    stacks = []
    for group in groups:
        members, arrays = zip(*group)
        whole = arrays[0][None] if len(arrays) == 1 else np.stack(arrays)
        stacks.append(Stack(members, whole))
    return tuple(stacks)
