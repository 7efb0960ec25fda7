"""Compiled sampling: the one place here that knows TensorFlow."""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_extras.uncertainty import running
from keras_extras.uncertainty.graph import SplitGraph
from keras_extras.uncertainty.graph import functional_of
from keras_extras.uncertainty.stochastic import CannotTile
from keras_extras.uncertainty.stochastic import is_regularisation
from keras_extras.uncertainty.stochastic import random_layers
from keras_extras.uncertainty.stochastic import seed_generators
from keras_extras.uncertainty.stochastic import switched_on

Tensor = Any
_KEY = tf.TensorSpec((2,), tf.int64)
_SEEDS = 2**31 - 2  # exclusive; what Keras reduces its seeds to


@dataclass(frozen=True)
class Plan:
    """How samples are drawn.

    Attributes:
        split: Whether the part before the first random layer is computed once.
        tiled: Whether a step computes several samples of a batch.
        shared: Whether all rows share their masks.
        has_variance: Whether the last axis holds means, then variances.
    """

    split: bool
    tiled: bool
    shared: bool
    has_variance: bool


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
        plan: Plan,
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
        self._masked: list[bool] = []
        self._batched: list[bool] = []
        self._trace([_any_batch(x) for x in keras.tree.flatten(inputs)])

    def _trace(self, specs: list[tf.TensorSpec]) -> None:
        self._begin = _compile(self._trace_begin, specs)
        frontier = [_spec_of(t) for t in self._begin.structured_outputs]
        number = tf.TensorSpec((), tf.int32)
        self._sample = _compile(self._trace_sample, frontier, _KEY, number, number)
        self._samples = [_spec_of(t) for t in self._sample.structured_outputs]
        self._states = [
            running.start(spec.shape.rank - 1, self.plan.has_variance)
            for spec in self._samples
        ]
        self._state = [_spec_of(t, any_shape=True) for t in self.start()]
        self._frontier = frontier

    @functools.cached_property
    def _advance(self) -> Any:
        numbers = [tf.TensorSpec((), tf.int32)] * 3
        return _compile(
            self._trace_advance, self._frontier, self._state, _KEY, *numbers
        )

    @functools.cached_property
    def _update(self) -> Any:
        number = tf.TensorSpec((), tf.int32)
        return _compile(self._trace_update, self._samples, self._state, number)

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
        return [
            tf.concat(tensors, axis=0) if batched else tensors[0]
            for batched, tensors in zip(self._batched_with_masks(), zip(*parts))
        ]

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
        tensors, self._batched = list(flat), [True] * len(flat)
        if self.plan.split:
            graph = self._graph()
            tensors = graph.prefix(self._pack(flat))
            self._batched = graph.batched()
        masks = [getattr(t, "_keras_mask", None) for t in tensors]
        self._masked = [mask is not None for mask in masks]
        self.prefix_bytes = _bytes_per_row()
        return [tf.identity(t) for t in [*tensors, *masks] if t is not None]

    def _trace_sample(self, *arguments: Tensor) -> list[Tensor]:
        """Computes `count` samples, those from number `done`: `(count, rows, ...)`."""
        *frontier, key, done, count = arguments
        model, chosen = self._model(), self._living()
        rows = self._rows(frontier) if self.plan.tiled else None
        tensors = self._tile(frontier, count) if self.plan.tiled else frontier
        tensors = self._with_masks(list(tensors))
        generators = seed_generators(model)
        seeds = _draw_seeds(key, done, len(generators))
        states = [(g.state, seed) for g, seed in zip(generators, seeds)]
        with (
            switched_on(model, chosen, self.plan.shared, self.plan.tiled),
            keras.StatelessScope(states),
        ):
            outputs = self._call(model, tensors)
        self.structure = keras.tree.map_structure(lambda _: 0, outputs)
        flat = [tf.cast(t, tf.float32) for t in self._transform(outputs)]
        self.suffix_bytes = _bytes_per_row()
        return [_stack(t, count, rows) for t in flat]

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
        if model._call_has_training_arg:
            return model(inputs, training=False)
        return model(inputs)

    def _pack(self, flat: Any) -> Any:
        return keras.tree.pack_sequence_as(self._inputs, list(flat))

    def _rows(self, frontier: list[Tensor]) -> Tensor:
        if True not in self._batched:
            raise CannotTile
        return tf.shape(frontier[self._batched.index(True)])[0]

    def _tile(self, frontier: list[Tensor], count: Tensor) -> list[Tensor]:
        """Repeats the batch `count` times, masks included."""
        batched = self._batched_with_masks()
        return [_repeat(t, count) if b else t for t, b in zip(frontier, batched)]

    def _batched_with_masks(self) -> list[bool]:
        masked = [b for b, m in zip(self._batched, self._masked) if m]
        return [*self._batched, *masked]

    def _with_masks(self, frontier: list[Tensor]) -> list[Tensor]:
        count = len(self._masked)
        # Masks are set on objects of our own: `tf.identity` makes new ones.
        tensors = [tf.identity(t) for t in frontier[:count]]
        masks = iter(frontier[count:])
        for tensor, masked in zip(tensors, self._masked):
            if masked:
                tensor._keras_mask = next(masks)
        return tensors


def make_sampler(
    model: Any,
    chosen: list[Any],
    strategy: str,
    shared: bool,
    has_variance: bool,
    inputs: Any,
    transform: Callable[[Any], list[Tensor]],
) -> Sampler:
    """Returns a sampler for the model that follows a strategy.

    Raises:
        ValueError: If the model does not allow the strategy.
    """
    random = random_layers(model, chosen)
    graph = SplitGraph(model, random) if functional_of(model) is not None else None
    if strategy == "cached" and graph is None:
        raise ValueError(
            "`strategy` must be 'auto', 'tiled' or 'loop' for a model that is not "
            "Functional or Sequential: there is no graph of which to cache a part. "
            f"Received: strategy='cached', model={model!r}"
        )
    split = graph is not None and graph.is_split and strategy in ("auto", "cached")
    tiled = strategy in ("auto", "tiled") and not shared and _rows_are_free(model)
    tiled = tiled and all(is_regularisation(layer) for layer in random)
    tiled = tiled and (graph is None or graph.can_tile())
    arguments = (inputs, transform)
    try:
        plan = Plan(split, tiled, shared, has_variance)
        sampler = Sampler(model, chosen, plan, *arguments)
    except CannotTile:
        plan = Plan(split, False, shared, has_variance)
        sampler = Sampler(model, chosen, plan, *arguments)
    if strategy == "tiled" and not sampler.plan.tiled:
        raise ValueError(
            "`strategy` must be 'auto', 'cached' or 'loop' where all rows of a batch "
            "share a mask or a state. Received: strategy='tiled'"
        )
    return sampler


def _rows_are_free(model: Any) -> bool:
    """Whether a batch may have any number of rows."""
    layers = model._flatten_layers(include_self=True, recursive=True)
    return not any(getattr(layer, "stateful", False) for layer in layers)


def _compile(function: Callable[..., Any], *signature: Any) -> Any:
    # Without XLA: on the CPU its random numbers take forty times as long.
    compiled = tf.function(function, autograph=False)
    return compiled.get_concrete_function(*tf.nest.flatten(signature))


def _any_batch(array: Any) -> tf.TensorSpec:
    return tf.TensorSpec((None, *array.shape[1:]), array.dtype)


def _spec_of(tensor: Any, any_shape: bool = False) -> tf.TensorSpec:
    shape = [None] * len(tensor.shape) if any_shape else tensor.shape
    return tf.TensorSpec(shape, tensor.dtype)


def _draw_seeds(key: Tensor, done: Tensor, count: int) -> list[Tensor]:
    """Returns a seed for each generator that no other chunk of samples has."""
    seed = tf.stack([key[0], key[1] + tf.cast(done, tf.int64)])
    shape = (count, 2)
    seeds = tf.random.stateless_uniform(shape, seed, 0, _SEEDS, dtype=tf.int64)
    return tf.unstack(seeds)


def _repeat(tensor: Tensor, count: Tensor) -> Tensor:
    rest = [1] * (tensor.shape.rank - 1)
    return tf.tile(tensor, tf.stack([count, *rest]))


def _stack(tensor: Tensor, count: Tensor, rows: Tensor | None) -> Tensor:
    """Returns the outputs with an axis of samples in front."""
    if rows is None:
        return tensor[tf.newaxis]
    sizes = tf.shape(tensor)[1:]
    stacked = tf.reshape(tensor, tf.concat([[count, rows], sizes], axis=0))
    stacked.set_shape([None, None, *tensor.shape[1:]])
    return stacked


def _bytes_per_row() -> int:
    """Returns how much memory a row takes in this trace: four of its largest tensors.

    Dropout alone holds its input, its random numbers, its mask and its output.
    """
    operations = tf.compat.v1.get_default_graph().get_operations()
    sizes = [_row_bytes(tensor) for op in operations for tensor in op.outputs]
    return max(1, 4 * max(sizes, default=0))


def _row_bytes(tensor: Any) -> int:
    if not tensor.shape.rank or tensor.shape[0] is not None:
        return 0
    return tensor.dtype.size * math.prod(size or 1 for size in tensor.shape[1:])
