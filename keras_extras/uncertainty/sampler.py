"""Draws samples of a model's outputs: what is the same on all backends."""

from __future__ import annotations

import abc
import weakref
from collections.abc import Callable
from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextlib import nullcontext
from typing import Any

import keras
import numpy as np

from keras_extras.keras_internals.graph import takes_training
from keras_extras.uncertainty import running
from keras_extras.uncertainty.graph import SplitGraph
from keras_extras.uncertainty.sampling_plan import SamplingPlan
from keras_extras.uncertainty.stochastic import IsBatch
from keras_extras.uncertainty.stochastic import random_layers
from keras_extras.uncertainty.stochastic import switched_on

Tensor = Any
MOST_ROWS = 1024  # at once, by default


class Sampler(abc.ABC):
    """Draws samples of a model's outputs and keeps their statistics.

    Nothing outside of its own tensors changes: the model runs in a
    `keras.StatelessScope` that gives every random layer a seed of its own for each
    sample, and drops what layers assign. The model is held weakly, for it owns this
    object's place in the cache.

    Args:
        model: The model.
        chosen: Layers to switch on.
        plan: How to draw.
        inputs: Batch in the structure that the model takes, to read shapes from.
        transform: Function of the model's outputs, flat, that returns those to use.

    Attributes:
        can_tile_all: Whether it tiles whatever layers do with the rows of a batch.
        plan: How it draws.
        structure: Structure of the model's outputs, known after the first sample.

    Raises:
        CannotTile: If the plan is to tile, and a layer gives all rows the same mask.
    """

    can_tile_all = False

    def __init__(
        self,
        model: Any,
        chosen: list[Any],
        plan: SamplingPlan,
        inputs: Any,
        transform: Callable[[Any], list[Tensor]],
    ) -> None:
        self.plan = plan
        self._bytes = 1, 1
        self.structure: Any = None
        self._model = weakref.ref(model)
        self._chosen = [weakref.ref(layer) for layer in chosen]
        self._inputs = keras.tree.map_structure(lambda _: 0, inputs)
        self._transform = transform

    @property
    def prefix_bytes(self) -> int:
        """Memory for each row of a batch in the part that is fixed."""
        return self._bytes[0]

    @property
    def suffix_bytes(self) -> int:
        """Memory for each row and sample in the part that is random."""
        return self._bytes[1]

    @staticmethod
    def generators_kept(seed: int | None) -> AbstractContextManager[None]:
        """Puts back, at the end, generators of the backend that layers may draw from.

        Args:
            seed: What to seed them with at the start, `None` for nothing.
        """
        return nullcontext()

    def chunk_of(self, most: int, samples: int, strategy: str) -> int:
        """Returns how many samples of so many to compute at once."""
        return min(most, samples)

    def size_of(self, rows: int, before: int, whole: bool) -> int:
        """Returns how many rows to compute a batch with: more where shapes are static.

        Args:
            rows: How many it has.
            before: With how many the batch before was computed, 0 for the first one.
            whole: Whether others are likely to have as many.
        """
        return rows

    @abc.abstractmethod
    def begin(self, inputs: list[Tensor], at_once: int | None, size: int) -> Any:
        """Returns what all samples of a batch have in common.

        Args:
            inputs: The batch.
            at_once: How many rows to compute at a time, or `None` for all of them.
            size: How many rows to compute, at least as many as the batch has.
        """

    @abc.abstractmethod
    def start(self, common: Any) -> Any:
        """Returns the statistics of no sample.

        Args:
            common: What `begin` returned.
        """

    @abc.abstractmethod
    def advance(
        self,
        common: Any,
        state: Any,
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> Any:
        """Returns the statistics after the samples from `done` to `until`.

        Args:
            common: What `begin` returned.
            state: The statistics so far.
            key: Two integers from which all seeds of the batch are made.
            done: How many samples there are already.
            until: How many there shall be.
            chunk: How many samples are computed at once.
        """

    @abc.abstractmethod
    def advance_one(
        self,
        common: Any,
        state: Any,
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> tuple[Any, list[np.ndarray]]:
        """Returns the statistics after at most `chunk` more samples, and these."""

    @abc.abstractmethod
    def read(self, common: Any, state: Any) -> list[running.Running]:
        """Returns the statistics as arrays, one set for each output."""

    def _fixed_part(self, flat: Iterable[Tensor]) -> tuple[list[Tensor], list[bool]]:
        """Returns what samples start from, and which of it has a row for each input."""
        tensors = list(flat)
        if not self.plan.split:
            return tensors, [True] * len(tensors)
        graph = self._graph()
        return graph.prefix(self._pack(tensors)), graph.batched()

    def _random_part(
        self,
        model: Any,
        tensors: list[Tensor],
        values: Iterable[tuple[Any, Tensor]],
        is_batch: IsBatch | None,
    ) -> list[Tensor]:
        """Returns one sample of the outputs, or one for each tile of the batch.

        Args:
            model: The model.
            tensors: What samples start from.
            values: Values that variables have for this sample, seeds above all.
            is_batch: See `switched_on`.
        """
        with (
            switched_on(model, self._living(), self.plan.shared, is_batch),
            keras.StatelessScope(values),
        ):
            outputs = self._call(model, tensors)
        self.structure = keras.tree.map_structure(lambda _: 0, outputs)
        return [keras.ops.cast(t, "float32") for t in self._transform(outputs)]

    def _updated(
        self,
        states: list[running.Running],
        samples: list[Tensor],
        count: Tensor,
        valid: Tensor | None = None,
    ) -> list[running.Running]:
        variance = self.plan.has_variance
        return [
            running.update(state, new, count, variance, valid)
            for state, new in zip(states, samples)
        ]

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

    def _pack(self, flat: list[Tensor]) -> Any:
        return keras.tree.pack_sequence_as(self._inputs, list(flat))
