"""Draws samples in compiled functions."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_extras.keras_internals.graph import takes_training
from keras_extras.uncertainty import running
from keras_extras.uncertainty.graph import SplitGraph
from keras_extras.uncertainty.sampling_plan import SamplingPlan
from keras_extras.uncertainty.stochastic import random_layers
from keras_extras.uncertainty.stochastic import seed_generators
from keras_extras.uncertainty.stochastic import switched_on
from keras_extras.uncertainty.tensorflow.frontier import Frontier
from keras_extras.uncertainty.tensorflow.tensors import Tensor
from keras_extras.uncertainty.tensorflow.tensors import bytes_per_row
from keras_extras.uncertainty.tensorflow.tensors import compiled
from keras_extras.uncertainty.tensorflow.tensors import draw_seeds
from keras_extras.uncertainty.tensorflow.tensors import spec_of
from keras_extras.uncertainty.tensorflow.tensors import spec_of_batch
from keras_extras.uncertainty.tensorflow.tensors import stack_samples

_KEY = tf.TensorSpec((2,), tf.int64)


class Sampler:
    """Draws samples of a model's outputs and keeps their statistics.

    Nothing outside of its own tensors changes: each sample runs in a
    `keras.StatelessScope` that gives every random layer a seed of its own, and
    drops what layers assign. The model is held weakly, for it owns this object's
    place in the cache.

    Args:
        model: The model.
        chosen: Layers to switch on.
        plan: How to draw.
        inputs: Batch in the structure that the model takes, to read shapes from.
        transform: Function of the model's outputs, flat, that returns those to use.
    """

    def __init__(
        self,
        model: Any,
        chosen: list[Any],
        plan: SamplingPlan,
        inputs: Any,
        transform: Callable[[Any], list[Tensor]],
    ) -> None:
        self.plan = plan
        self.prefix_bytes = self.suffix_bytes = 1  # of each row of a batch
        self.structure: Any = None
        self._model = weakref.ref(model)
        self._chosen = [weakref.ref(layer) for layer in chosen]
        self._inputs = keras.tree.map_structure(lambda _: 0, inputs)
        self._transform = transform
        self._frontier = Frontier((), ())
        self._trace([spec_of_batch(x) for x in keras.tree.flatten(inputs)])

    def _trace(self, specs: list[tf.TensorSpec]) -> None:
        self._begin = compiled(self._trace_begin, specs)
        frontier = _specs_of(self._begin)
        number = tf.TensorSpec((), tf.int32)
        self._sample = compiled(self._trace_sample, frontier, _KEY, number, number)
        self._states = [
            running.start(spec.shape.rank - 1, self.plan.has_variance)
            for spec in _specs_of(self._sample)
        ]

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
        return [spec_of(tensor, any_shape=True) for tensor in self.start()]

    def begin(self, inputs: list[Tensor], at_once: int | None = None) -> list[Tensor]:
        """Returns what all samples of a batch have in common.

        Args:
            inputs: The batch.
            at_once: How many rows to compute at a time, or `None` for all of them.
        """
        rows = inputs[0].shape[0]
        if at_once is None or at_once >= rows:
            return list(self._begin(*inputs))
        parts = [
            self._begin(*[tensor[first : first + at_once] for tensor in inputs])
            for first in range(0, rows, at_once)
        ]
        return self._frontier.join(parts)

    def start(self) -> list[Tensor]:
        """Returns the statistics of no sample."""
        return tf.nest.flatten(self._states)

    def advance(
        self,
        frontier: list[Tensor],
        state: list[Tensor],
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> list[Tensor]:
        """Returns the statistics after the samples from `done` to `until`.

        Args:
            frontier: What `begin` returned.
            state: The statistics so far.
            key: Two integers from which all seeds of the batch are made.
            done: How many samples there are already.
            until: How many there shall be.
            chunk: How many samples are computed at once.
        """
        numbers = [tf.constant(n) for n in (done, until, chunk)]
        flat = [*frontier, *state, tf.constant(key, tf.int64), *numbers]
        return list(self._advance(*flat))

    def advance_one(
        self,
        frontier: list[Tensor],
        state: list[Tensor],
        key: np.ndarray,
        done: int,
        count: int,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Returns the statistics after `count` more samples, and those samples."""
        numbers = [tf.constant(n) for n in (done, count)]
        samples = self._sample(*frontier, tf.constant(key, tf.int64), *numbers)
        return list(self._update(*samples, *state, numbers[0])), list(samples)

    def read(self, state: list[Tensor]) -> list[running.Running]:
        """Returns the statistics as arrays, one set for each output."""
        arrays = [np.asarray(t) for t in state]
        return list(tf.nest.pack_sequence_as(self._states, arrays))

    def _trace_begin(self, *flat: Tensor) -> list[Tensor]:
        tensors, batched = list(flat), [True] * len(flat)
        if self.plan.split:
            graph = self._graph()
            tensors = graph.prefix(self._pack(flat))
            batched = graph.batched()
        # Before `Frontier.of`, whose operations would count too.
        self.prefix_bytes = bytes_per_row()
        self._frontier, results = Frontier.of(tensors, batched)
        return results

    def _trace_sample(self, *arguments: Tensor) -> list[Tensor]:
        """Computes `count` samples, those from number `done`: `(count, rows, ...)`."""
        *frontier, key, done, count = arguments
        model, chosen = self._model(), self._living()
        rows, tensors = None, frontier
        if self.plan.tiled:
            rows = self._frontier.rows(frontier)
            tensors = self._frontier.tile(frontier, count)
        tensors = self._frontier.with_masks(tensors)
        generators = seed_generators(model)
        seeds = draw_seeds(key, done, len(generators))
        states = [(g.state, seed) for g, seed in zip(generators, seeds)]
        with (
            switched_on(model, chosen, self.plan.shared, self.plan.tiled),
            keras.StatelessScope(states),
        ):
            outputs = self._call(model, tensors)
        self.structure = keras.tree.map_structure(lambda _: 0, outputs)
        flat = [tf.cast(t, tf.float32) for t in self._transform(outputs)]
        self.suffix_bytes = bytes_per_row()
        return [stack_samples(t, count, rows) for t in flat]

    def _trace_update(self, *arguments: Tensor) -> list[Tensor]:
        outputs = len(self._states)
        samples, flat, done = arguments[:outputs], arguments[outputs:-1], arguments[-1]
        return self._updated(samples, flat, tf.cast(done, tf.float32))

    def _updated(self, samples: Any, flat: Any, count: Tensor) -> list[Tensor]:
        states = tf.nest.pack_sequence_as(self._states, list(flat))
        variance = self.plan.has_variance
        new = [running.update(st, s, count, variance) for st, s in zip(states, samples)]
        return tf.nest.flatten(new)

    def _trace_advance(self, *arguments: Tensor) -> list[Tensor]:
        *tensors, key, done, until, chunk = arguments
        size = len(tf.nest.flatten(self._states))
        frontier, state = tensors[:-size], tensors[-size:]

        def step(done: Tensor, *flat: Tensor) -> tuple[Tensor, ...]:
            count = tf.minimum(chunk, until - done)
            samples = self._sample(*frontier, key, done, count)
            new = self._updated(samples, flat, tf.cast(done, tf.float32))
            return done + count, *new

        result = tf.while_loop(
            lambda done, *_: done < until,
            step,
            (done, *state),
            shape_invariants=(done.shape, *[t.shape for t in state]),
            parallel_iterations=1,  # one chunk in memory at a time
        )
        return list(result[1:])

    def _graph(self) -> SplitGraph:
        model = self._model()
        return SplitGraph(model, random_layers(model, self._living()))

    def _living(self) -> list[Any]:
        return [layer for layer in (ref() for ref in self._chosen) if layer is not None]

    def _call(self, model: Any, tensors: list[Tensor]) -> Any:
        if self.plan.split:
            return self._graph().outputs(tensors)
        inputs = self._pack(tensors)
        # As `predict_step` does.
        if takes_training(model):
            return model(inputs, training=False)
        return model(inputs)

    def _pack(self, flat: Any) -> Any:
        return keras.tree.pack_sequence_as(self._inputs, list(flat))


def _specs_of(function: Any) -> list[tf.TensorSpec]:
    """Returns the signature of what a compiled function returns."""
    return [spec_of(tensor) for tensor in function.structured_outputs]
