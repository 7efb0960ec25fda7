"""Draws samples one operation after the other, as torch computes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import torch
from torch import Tensor

from keras_extras.data.batches import flat_of
from keras_extras.uncertainty import running
from keras_extras.uncertainty.frontier import Frontier
from keras_extras.uncertainty.sampler import Sampler
from keras_extras.uncertainty.sampling_plan import SamplingPlan
from keras_extras.uncertainty.stochastic import CannotTile
from keras_extras.uncertainty.torch.generators import generators_kept
from keras_extras.uncertainty.torch.generators import one_sampling_thread
from keras_extras.uncertainty.torch.tensors import LargestTensor
from keras_extras.uncertainty.torch.tensors import draw_seeds
from keras_extras.uncertainty.torch.tensors import repeat_rows
from keras_extras.uncertainty.torch.tensors import stack_samples
from keras_extras.uncertainty.transform import Transform

# Numbers of rows of which no layer is likely to have a multiple of both for a reason
# of its own.
_TRIED_ROWS = (11, 13)
_KEY_OF_TRIALS = np.zeros(2, np.int64)


class _Common(NamedTuple):
    """What all samples of a batch start from."""

    frontier: Frontier
    tensors: list[Tensor]
    rows: int


class TorchSampler(Sampler):
    """Draws samples eagerly, several at once as more rows of a batch.

    Dropout without a seed draws from the generators of torch itself. They are seeded
    for each chunk of samples, and put back after it.
    """

    def __init__(
        self,
        model: Any,
        chosen: list[Any],
        plan: SamplingPlan,
        inputs: Any,
        transform: Transform,
    ) -> None:
        super().__init__(model, chosen, plan, inputs, transform)
        if plan.any_rows:
            first = [
                keras.ops.convert_to_tensor(array[:1]) for array in flat_of(inputs)
            ]
            for rows in _TRIED_ROWS:
                self._try([repeat_rows(tensor, rows) for tensor in first], rows)

    def _try(self, inputs: list[Tensor], rows: int) -> None:
        """Computes one sample, to see if layers can be tiled, and what it takes."""
        with torch.no_grad():
            with LargestTensor(rows) as seen:
                common = self._begin(inputs)
            prefix_bytes = seen.bytes_per_row
            if self.plan.tiled and common.frontier.first_batched() is None:
                raise CannotTile
            with LargestTensor(rows) as seen:
                self._sample(common, _KEY_OF_TRIALS, 0, 1, tried_rows=rows)
            self._bytes = prefix_bytes, seen.bytes_per_row

    @staticmethod
    def generators_kept(seed: int | None) -> AbstractContextManager[None]:
        return generators_kept(seed)

    @staticmethod
    def without_gradients() -> AbstractContextManager[Any]:
        return torch.no_grad()

    @staticmethod
    def drawing_alone(seed: int) -> AbstractContextManager[None]:
        return one_sampling_thread(seed)

    def begin(self, inputs: list[Tensor], at_once: int | None, size: int) -> _Common:
        with torch.no_grad():
            if at_once is None or at_once >= size:
                return self._begin(inputs)
            parts = [
                self._begin([tensor[first : first + at_once] for tensor in inputs])
                for first in range(0, size, at_once)
            ]
            frontier = parts[0].frontier
            return _Common(frontier, frontier.join([p.tensors for p in parts]), size)

    def _begin(self, inputs: list[Tensor]) -> _Common:
        with keras.StatelessScope():
            tensors, batched = self._fixed_part(inputs)
        self._frontier, flat = Frontier.of(tensors, batched)
        return _Common(self._frontier, flat, inputs[0].shape[0])

    def _with_another_first_row(self, common: _Common) -> _Common:
        return common._replace(tensors=self._changed(common.tensors))

    def start(self, common: _Common) -> list[running.Running]:
        return []

    def advance(
        self,
        common: _Common,
        state: list[running.Running],
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> list[running.Running]:
        with torch.no_grad():
            for first in range(done, until, chunk):
                count = min(chunk, until - first)
                samples = self._sample(common, key, first, count)
                state = self._add(state, samples, first)
        return state

    def advance_one(
        self,
        common: _Common,
        state: list[running.Running],
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> tuple[list[running.Running], list[np.ndarray]]:
        with torch.no_grad():
            samples = self._sample(common, key, done, min(chunk, until - done))
            state = self._add(state, samples, done)
        return state, [keras.ops.convert_to_numpy(tensor) for tensor in samples]

    def read(
        self, common: _Common, state: list[running.Running]
    ) -> list[running.Running]:
        return keras.tree.map_structure(keras.ops.convert_to_numpy, state)

    def _add(
        self, state: list[running.Running], samples: list[Tensor], done: int
    ) -> list[running.Running]:
        if not state:
            state = [
                running.start(t.ndim - 1, variance)
                for t, variance in zip(samples, self.has_variance)
            ]
            state = keras.tree.map_structure(keras.ops.convert_to_tensor, state)
        return self._updated(state, samples, float(done))

    def _sample(
        self,
        common: _Common,
        key: np.ndarray,
        done: int,
        count: int,
        tried_rows: int | None = None,
    ) -> list[Tensor]:
        """Computes `count` samples, those from number `done`: `(count, rows, ...)`."""
        model = self._model()
        rows, tensors, is_batch = None, common.tensors, None
        if self.plan.tiled and tried_rows is not None:
            is_batch = lambda tensor: tensor.shape[0] % tried_rows == 0
        if self.plan.tiled:
            rows, batched = common.rows, common.frontier.batched_with_masks()
            tensors = [
                repeat_rows(t, count) if b else t for t, b in zip(tensors, batched)
            ]
        # Masks are set on objects of our own: `view_as` makes new ones.
        tensors = common.frontier.with_masks([t.view_as(t) for t in tensors])
        generators = self._generators(model)
        *seeds, own = draw_seeds(key, done, len(generators) + 1)
        values = [(g.state, seed) for g, seed in zip(generators, seeds)]
        with one_sampling_thread(int(own.sum())):
            flat = self._random_part(model, tensors, values, is_batch)
        return [stack_samples(t, count, rows) for t in flat]
