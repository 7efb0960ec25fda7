"""Rows to train on and rows to judge by, which never overlap."""

from __future__ import annotations

import itertools
import math
import numbers
from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.data.training_sample import sample_rows
from keras_extras.data.training_sample import take_rows


def held_out(
    data: tuple[Any, ...], validation_data: Any, split: float, seed: int
) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Returns the numbers of the rows to train on, and the data to judge by.

    Args:
        data: Inputs, targets and weights.
        validation_data: Data to judge by, or `None`.
        split: Share of the rows to hold out where there are none.
        seed: Decides which.
    """
    sample_rows(data, None, seed)  # checks them
    count = len(keras.tree.flatten(data[0])[0])
    if validation_data is not None:
        is_tuple = isinstance(validation_data, tuple | list)
        if not is_tuple or len(validation_data) not in (2, 3):
            raise ValueError(
                "`validation_data` must be a tuple (x, y) or (x, y, sample_weight). "
                f"Received: {type(validation_data).__name__}"
            )
        x, y, weight = (*validation_data, None)[:3]
        sample_rows((x, y, weight), None, seed)
        return np.arange(count), (x, y, weight)
    checks.check_fraction("validation_split", split)
    order = np.random.default_rng([seed, 0]).permutation(count)
    held = math.ceil(split * count)
    if not 0 < held < count:
        raise ValueError(
            "`validation_split` must leave rows to train on. "
            f"Received: validation_split={split}, with {count} rows"
        )
    return np.sort(order[held:]), take_rows(data, np.sort(order[:held]))


def nested(rows: np.ndarray, repeats: int, seed: int) -> list[np.ndarray]:
    """Returns orders of the rows, whose beginnings are subsets of one another."""
    return [
        np.random.default_rng([seed, 1 + repeat]).permutation(rows)
        for repeat in range(repeats)
    ]


def checked_sizes(sizes: Any, count: int) -> list[int]:
    """Returns sizes as numbers of rows, if they are numbers or shares of `count`."""
    received = f"Received: sizes={sizes!r}, with {count} rows to train on"
    try:
        given = sizes.tolist() if isinstance(sizes, np.ndarray) else list(sizes)
        counts = [_as_count(size, count) for size in given]
    except (TypeError, ValueError):
        raise ValueError(
            "`sizes` must be integers >= 1, or floats above 0 and up to 1 for shares. "
            f"{received}"
        ) from None
    if not counts or counts[-1] > count or counts[0] < 1:
        raise ValueError(f"`sizes` must be from 1 to the number of rows. {received}")
    if any(b <= a for a, b in itertools.pairwise(counts)):
        raise ValueError(f"`sizes` must be increasing. {received}")
    return counts


def _as_count(size: Any, count: int) -> int:
    if not checks.is_number(size):
        raise TypeError
    if isinstance(size, numbers.Integral):
        return int(size)
    if not 0 < size <= 1:
        raise ValueError
    return max(round(size * count), 1)
