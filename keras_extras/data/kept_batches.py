"""Batches that are read once, so that several trainings see the same ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.data.batches import is_dataset
from keras_extras.data.batches import is_generator
from keras_extras.data.training_sample import elements_of


class KeptBatches(keras.utils.PyDataset):
    """The first batches of a dataset or generator, kept in memory.

    Args:
        source: What yields batches.
        steps: Number of batches to read at most.
    """

    def __init__(self, source: Any, steps: int) -> None:
        super().__init__()
        self._batches = list(itertools.islice(_batches_of(source), steps))
        if not self._batches:
            raise ValueError("`x` must have at least one batch. Received: none")

    @property
    def num_batches(self) -> int:
        """Number of batches."""
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        return self._batches[index]


def replayable(x: Any, steps: int) -> Any:
    """Returns data that can be read again: `x` itself where it is made of arrays."""
    if is_dataset(x) or is_generator(x):
        return KeptBatches(x, steps)
    return x


def _batches_of(source: Any) -> Iterator[Any]:
    for element in source if is_generator(source) else elements_of(source):
        try:
            yield keras.tree.map_structure(keras.ops.convert_to_numpy, element)
        except (TypeError, ValueError):  # of ragged tensors there is no array
            yield element
