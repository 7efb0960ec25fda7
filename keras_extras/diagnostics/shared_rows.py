"""Compares the rows of two sets of arrays, bit for bit."""

from __future__ import annotations

from collections import Counter
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_extras.keras_internals.fit_arrays import FitArrays

_TRAINING, _VALIDATION, _CONFIRMED = 100_000, 2_000, 100
_COLUMNS = 64


class SharedRows(NamedTuple):
    """What two sets have in common.

    Attributes:
        share: Float. Share of the validation rows that are training rows.
        number: Integer, how many of those that were compared.
        repeated: Float. Share of the training rows that are there twice; 0 where
            rows cannot be equal by chance.
    """

    share: float = 0.0
    number: int = 0
    repeated: float = 0.0


def shared_rows(training: FitArrays, validation: FitArrays | None) -> SharedRows:
    """Returns how many validation rows are training rows, in all their inputs."""
    if validation is None:
        return SharedRows()
    some, other = (keras.tree.flatten(each.x) for each in (training, validation))
    alike = len(some) == len(other) and all(
        a.dtype == b.dtype and a.dtype.kind in "fiub" and a.shape[1:] == b.shape[1:]
        for a, b in zip(some, other)
    )
    if not alike or not some or min(len(some[0]), len(other[0])) < 2:
        return SharedRows()
    some = [a[:: max(len(a) // _TRAINING, 1)] for a in some]
    other = [b[:: max(len(b) // _VALIDATION, 1)] for b in other]
    known = _keys(some)
    places = {key: place for place, key in enumerate(known)}
    pairs = [(i, places[key]) for i, key in enumerate(_keys(other)) if key in places]
    if not pairs:
        return SharedRows()
    checked = pairs[:: max(len(pairs) // _CONFIRMED, 1)]
    same = np.mean([_are_same(other, i, some, j) for i, j in checked])
    count = round(float(same) * len(pairs))
    numbers = Counter(known)
    again = np.mean([numbers[key] > 1 for key in known])
    repeated = 0.0 if any(map(_never_by_chance, some)) else float(again)
    return SharedRows(count / len(other[0]), count, repeated)


def _keys(leaves: list[np.ndarray]) -> list[bytes]:
    """Returns for each row the bytes of some of its numbers, evenly spaced."""
    parts: list[list[bytes]] = []
    for leaf in leaves:
        flat = leaf.reshape(len(leaf), -1)
        chosen = np.ascontiguousarray(flat[:, :: max(flat.shape[1] // _COLUMNS, 1)])
        size = chosen.dtype.itemsize * chosen.shape[1]
        as_bytes: Any = chosen.view(np.void(size).dtype).reshape(-1)
        parts.append(as_bytes.tolist())
    if len(parts) == 1:
        return parts[0]
    return [b"".join(row) for row in zip(*parts)]


def _are_same(some: list[np.ndarray], i: int, other: list[np.ndarray], j: int) -> bool:
    return all(np.array_equal(a[i], b[j]) for a, b in zip(some, other))


def _never_by_chance(leaf: np.ndarray) -> bool:
    """Returns whether distinct rows have distinct numbers in some column."""
    if leaf.dtype.kind != "f":
        return False
    flat = leaf.reshape(len(leaf), -1)
    rows = flat[:: max(len(flat) // 1_000, 1), :: max(flat.shape[1] // _COLUMNS, 1)]
    rows = np.unique(rows, axis=0)
    kinds = [len(np.unique(column)) for column in rows.T]
    return len(rows) >= 8 and max(kinds, default=0) > 0.95 * len(rows)
