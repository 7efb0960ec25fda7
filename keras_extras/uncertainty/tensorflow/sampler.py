"""Draws samples in compiled functions of TensorFlow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_extras.data.batches import flat_of
from keras_extras.uncertainty import running
from keras_extras.uncertainty.frontier import Frontier
from keras_extras.uncertainty.inputs import shapes_that_vary
from keras_extras.uncertainty.sampler import Sampler
from keras_extras.uncertainty.sampling_plan import SamplingPlan
from keras_extras.uncertainty.stochastic import CannotTile
from keras_extras.uncertainty.tensorflow.tensors import Tensor
from keras_extras.uncertainty.tensorflow.tensors import bytes_per_row
from keras_extras.uncertainty.tensorflow.tensors import compiled
from keras_extras.uncertainty.tensorflow.tensors import draw_seeds
from keras_extras.uncertainty.tensorflow.tensors import has_unknown_rows
from keras_extras.uncertainty.tensorflow.tensors import repeat_rows
from keras_extras.uncertainty.tensorflow.tensors import spec_of
from keras_extras.uncertainty.tensorflow.tensors import spec_of_batch
from keras_extras.uncertainty.tensorflow.tensors import stack_samples
from keras_extras.uncertainty.transform import Transform

_KEY = tf.TensorSpec((2,), tf.int64)


class TensorFlowSampler(Sampler):
    """Draws samples in graphs that take any number of rows and of samples."""

    def __init__(
        self,
        model: Any,
        chosen: list[Any],
        plan: SamplingPlan,
        inputs: Any,
        transform: Transform,
    ) -> None:
        super().__init__(model, chosen, plan, inputs, transform)
        flat, shapes = flat_of(inputs), shapes_that_vary(model, inputs)
        lengths = [
            size
            for array, shape in zip(flat, shapes)
            for size, fixed in zip(array.shape[1:], shape)
            if fixed is None
        ]
        self._length = max(lengths, default=1)
        self._trace([spec_of_batch(a, shape) for a, shape in zip(flat, shapes)])

    @staticmethod
    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        return tf.function(function, autograph=False, reduce_retracing=True)

    def _trace(self, specs: list[tf.TensorSpec]) -> None:
        self._begin = compiled(self._trace_begin, specs)
        frontier = _specs_of(self._begin)
        number = tf.TensorSpec((), tf.int32)
        self._sample = compiled(self._trace_sample, frontier, _KEY, number, number)
        states = [
            running.start(spec.shape.rank - 1, variance)
            for spec, variance in zip(_specs_of(self._sample), self.has_variance)
        ]
        self._states = tf.nest.map_structure(tf.constant, states)

    @functools.cached_property
    def _advance(self) -> Any:
        numbers = [tf.TensorSpec((), tf.int32)] * 3
        frontier = _specs_of(self._begin)
        state = self._specs_of_state()
        return compiled(self._trace_advance, frontier, state, _KEY, *numbers)

    @functools.cached_property
    def _update(self) -> Any:
        number = tf.TensorSpec((), tf.int32)
        samples, state = _specs_of(self._sample), self._specs_of_state()
        return compiled(self._trace_update, samples, state, number)

    def _specs_of_state(self) -> list[tf.TensorSpec]:
        flat = tf.nest.flatten(self._states)
        return [spec_of(tensor, any_shape=True) for tensor in flat]

    def begin(
        self, inputs: list[Tensor], at_once: int | None, size: int
    ) -> list[Tensor]:
        if at_once is None or at_once >= size:
            return list(self._begin(*inputs))
        parts = [
            self._begin(*[tensor[first : first + at_once] for tensor in inputs])
            for first in range(0, size, at_once)
        ]
        return self._frontier.join(parts)

    def _with_another_first_row(self, common: list[Tensor]) -> list[Tensor]:
        return self._changed(common)

    def start(self, common: list[Tensor]) -> list[Tensor]:
        return tf.nest.flatten(self._states)

    def advance(
        self,
        common: list[Tensor],
        state: list[Tensor],
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> list[Tensor]:
        numbers = [tf.constant(n) for n in (done, until, chunk)]
        flat = [*common, *state, tf.constant(key, tf.int64), *numbers]
        return list(self._advance(*flat))

    def advance_one(
        self,
        common: list[Tensor],
        state: list[Tensor],
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> tuple[list[Tensor], list[np.ndarray]]:
        numbers = [tf.constant(n) for n in (done, min(chunk, until - done))]
        samples = self._sample(*common, tf.constant(key, tf.int64), *numbers)
        state = list(self._update(*samples, *state, numbers[0]))
        return state, [np.asarray(tensor) for tensor in samples]

    def read(self, common: list[Tensor], state: list[Tensor]) -> list[running.Running]:
        arrays = [np.asarray(t) for t in state]
        return list(tf.nest.pack_sequence_as(self._states, arrays))

    def _trace_begin(self, *flat: Tensor) -> list[Tensor]:
        with keras.StatelessScope():
            tensors, batched = self._fixed_part(flat)
        # Before `tf.identity`, whose operations would count too.
        self._bytes = bytes_per_row(self._length), 1
        self._frontier, results = Frontier.of(tensors, batched)
        return [tf.identity(tensor) for tensor in results]

    def _trace_sample(self, *arguments: Tensor) -> list[Tensor]:
        """Computes `count` samples, those from number `done`: `(count, rows, ...)`."""
        *frontier, key, done, count = arguments
        model = self._model()
        rows, tensors, is_batch = None, frontier, None
        if self.plan.tiled:
            rows, is_batch = self._rows(frontier), has_unknown_rows
            batched = self._frontier.batched_with_masks()
            tensors = [
                repeat_rows(t, count) if b else t for t, b in zip(tensors, batched)
            ]
        # Masks are set on objects of our own: `tf.identity` makes new ones.
        tensors = self._frontier.with_masks([tf.identity(t) for t in tensors])
        generators = self._generators(model)
        seeds = draw_seeds(key, done, len(generators))
        values = [(g.state, seed) for g, seed in zip(generators, seeds)]
        flat = self._random_part(model, tensors, values, is_batch)
        self._bytes = self.prefix_bytes, bytes_per_row(self._length)
        return [stack_samples(t, count, rows) for t in flat]

    def _rows(self, frontier: list[Tensor]) -> Tensor:
        """Returns the number of rows of the batch, as a tensor."""
        place = self._frontier.first_batched()
        if place is None:
            raise CannotTile
        return tf.shape(frontier[place])[0]

    def _trace_update(self, *arguments: Tensor) -> list[Tensor]:
        outputs = len(self._states)
        samples, flat, done = arguments[:outputs], arguments[outputs:-1], arguments[-1]
        return self._updated_flat(samples, flat, done)

    def _updated_flat(self, samples: Any, flat: Any, done: Tensor) -> list[Tensor]:
        states = tf.nest.pack_sequence_as(self._states, list(flat))
        new = self._updated(states, samples, tf.cast(done, tf.float32))
        return tf.nest.flatten(new)

    def _trace_advance(self, *arguments: Tensor) -> list[Tensor]:
        *tensors, key, done, until, chunk = arguments
        size = len(tf.nest.flatten(self._states))
        frontier, state = tensors[:-size], tensors[-size:]

        def step(done: Tensor, *flat: Tensor) -> tuple[Tensor, ...]:
            count = tf.minimum(chunk, until - done)
            samples = self._sample(*frontier, key, done, count)
            new = self._updated_flat(samples, flat, done)
            return done + count, *new

        result = tf.while_loop(
            lambda done, *_: done < until,
            step,
            (done, *state),
            shape_invariants=(done.shape, *[t.shape for t in state]),
            parallel_iterations=1,  # one chunk in memory at a time
        )
        return list(result[1:])


def _specs_of(function: Any) -> list[tf.TensorSpec]:
    """Returns the signature of what a compiled function returns."""
    return [spec_of(tensor) for tensor in function.structured_outputs]
