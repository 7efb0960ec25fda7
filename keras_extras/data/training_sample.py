"""A part of the training data, always the same, to evaluate a model on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_extras.data.batches import is_dataset
from keras_extras.data.batches import is_torch_loader
from keras_extras.keras_internals.dataset_sources import with_sources
from keras_extras.keras_internals.snapshot import random_state_kept


def sample_rows(data: tuple[Any, ...], size: int | None, seed: int) -> tuple[Any, ...]:
    """Returns the same rows of each array, in their order; all where there are no more.

    Args:
        data: Inputs, targets and weights: arrays, nested structures of them, `None`.
        size: Number of rows, or `None` for all.
        seed: Decides which rows.

    Raises:
        ValueError: If the arrays differ in length, or are none.
    """
    leaves = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
    if not leaves or not all(hasattr(leaf, "shape") for leaf in leaves):
        raise ValueError(
            "`x`, `y` and `sample_weight` must be arrays, or lists, tuples or dicts of "
            f"them. Received: {sorted({type(leaf).__name__ for leaf in leaves})}"
        )
    lengths = {int(leaf.shape[0]) for leaf in leaves}
    if len(lengths) != 1:
        raise ValueError(
            "`x`, `y` and `sample_weight` must have the same number of rows. "
            f"Received: {sorted(lengths)}"
        )
    (length,) = lengths
    if size is None or size >= length:
        return data
    rows = np.sort(np.random.default_rng(seed).choice(length, size, replace=False))
    return take_rows(data, rows)


def take_rows(data: Any, rows: np.ndarray) -> Any:
    """Returns some rows of each array in a structure, and `None` where it is `None`."""
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else _take(leaf, rows),
        data,
        none_is_leaf=True,
    )


def _take(array: Any, rows: np.ndarray) -> Any:
    """Returns some rows of an array, a tensor or a table."""
    if hasattr(array, "iloc"):
        return array.iloc[rows]
    if keras.ops.is_tensor(array):
        return keras.ops.take(array, rows, axis=0)
    return array[rows]


class FirstBatches(keras.utils.PyDataset):
    """The first batches of a dataset, read once and kept.

    Args:
        dataset: What yields batches, in the order in which they are wanted.
        size: Number of rows.
    """

    def __init__(self, dataset: Any, size: int) -> None:
        super().__init__()
        self._batches = list(_first_batches(dataset, size))
        if not self._batches:
            raise ValueError("`x` must have at least one batch. Received: none")

    @property
    def num_batches(self) -> int:
        """Number of batches."""
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        return self._batches[index]


def _first_batches(dataset: Any, size: int) -> Iterator[Any]:
    rows = 0
    for element in elements_of(dataset):
        batch = keras.tree.map_structure(keras.ops.convert_to_numpy, element)
        kept = size - rows
        yield keras.tree.map_structure(lambda array, k=kept: array[:k], batch)
        rows += len(keras.tree.flatten(batch)[0])
        if rows >= size:
            return


def elements_of(dataset: Any) -> Iterator[Any]:
    """Yields the batches of a dataset, in the order in which they come."""
    if isinstance(dataset, keras.utils.PyDataset):
        known = dataset.num_batches
        places = itertools.count() if known is None else range(known)
        yield from (dataset[index] for index in places)
    elif is_torch_loader(dataset):
        # Each iterator of a loader draws its seed from torch's own generator.
        with random_state_kept():
            yield from dataset
    else:
        yield from dataset


def shares_order(ours: Any, trained_on: Any) -> bool:
    """Returns whether to read one dataset changes the order of the batches of another.

    Each iterator over a `tf.data.Dataset` that shuffles has the next order from a
    generator that all datasets made from it share, and so do `DataLoader`s to which
    one generator was given. What a `PyDataset` draws, nobody knows.
    """
    if is_torch_loader(trained_on):
        own = getattr(trained_on, "generator", None)
        shared = own is not None and getattr(ours, "generator", None) is own
        return ours is trained_on or shared
    if isinstance(trained_on, keras.utils.PyDataset):
        return ours is trained_on
    if not (is_dataset(ours) and is_dataset(trained_on)):
        return False
    shuffles = {id(d) for d in with_sources(ours) if "Shuffle" in type(d).__name__}
    return any(id(d) in shuffles for d in with_sources(trained_on))
