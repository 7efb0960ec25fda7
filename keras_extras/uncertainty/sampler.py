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

from keras_extras.data.batches import flat_of
from keras_extras.keras_internals.global_generator import global_generator_is
from keras_extras.keras_internals.graph import takes_training
from keras_extras.uncertainty import running
from keras_extras.uncertainty.frontier import Frontier
from keras_extras.uncertainty.graph import SplitGraph
from keras_extras.uncertainty.sampling_plan import SamplingPlan
from keras_extras.uncertainty.stochastic import IsBatch
from keras_extras.uncertainty.stochastic import draws_without_seed
from keras_extras.uncertainty.stochastic import random_layers
from keras_extras.uncertainty.stochastic import seed_generators
from keras_extras.uncertainty.stochastic import switched_on
from keras_extras.uncertainty.tolerances import tolerance_of_sums
from keras_extras.uncertainty.transform import Transform

Tensor = Any
MOST_ROWS = 1024  # at once, by default


def with_another_first_row(tensor: Tensor) -> Tensor:
    """Returns a tensor that differs from the given one in the first row."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    first, rest = tensor[:1], tensor[1:]
    if "float" in dtype:
        return keras.ops.concatenate([first * 2 + 1, rest], axis=0)
    if dtype == "string":
        return tensor
    return keras.ops.concatenate([keras.ops.zeros_like(first), rest], axis=0)


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
        transform: What to do with the model's outputs.

    Attributes:
        draws_for_keras: Whether it has a generator for layers that have none.
        can_tile_all: Whether it tiles whatever layers do with the rows of a batch.
        plan: How it draws.
        structure: Structure of the model's outputs, known after the first sample.
        has_variance: For each output whether the last axis holds means, then
            variances; known then.
        tolerances: For each output how far probabilities may be from a sum of 1.

    Raises:
        CannotTile: If the plan is to tile, and a layer gives all rows the same mask.
    """

    can_tile_all = False
    draws_for_keras = True

    def __init__(
        self,
        model: Any,
        chosen: list[Any],
        plan: SamplingPlan,
        inputs: Any,
        transform: Transform,
    ) -> None:
        self.plan = plan
        self._bytes = 1, 1
        self._frontier = Frontier()
        self.structure: Any = None
        self.has_variance: list[bool] = []
        self.tolerances: list[float] = []
        self._may_be_labels: list[bool] = []
        self._model = weakref.ref(model)
        self._chosen = [weakref.ref(layer) for layer in chosen]
        self._inputs = keras.tree.map_structure(
            lambda array: None if array is None else 0, inputs
        )
        self._transform = transform
        # For layers that draw from the generator of Keras: that of the user stays.
        self._spare: Any = None
        if self.draws_for_keras and draws_without_seed(model):
            self._spare = keras.random.SeedGenerator(0, name="seed_generator")

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

    @staticmethod
    def without_gradients() -> AbstractContextManager[Any]:
        """Computes without what gradients would need."""
        return nullcontext()

    @staticmethod
    def drawing_alone(seed: int) -> AbstractContextManager[None]:
        """Seeds generators of the backend for what goes on within the context."""
        return nullcontext()

    @staticmethod
    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function of tensors as the backend runs it fastest."""
        return function

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

    def rows_depend(self, inputs: Any) -> bool:
        """Returns whether what a sample gives one row depends on the other rows.

        Two samples of two rows are drawn twice with the same masks; the second time
        the first row is another one, and the second row must not notice.

        Args:
            inputs: A batch.
        """
        rows = [np.minimum([0, 1], array.shape[0] - 1) for array in flat_of(inputs)]
        tensors = [
            keras.ops.take(keras.ops.convert_to_tensor(a), places, axis=0)
            for a, places in zip(flat_of(inputs), rows)
        ]
        common = self.begin(tensors, None, 2)
        key = np.zeros(2, np.int64)
        seen = [
            self.advance_one(each, self.start(each), key, 0, 2, self._at_a_time)[1]
            for each in (common, self._with_another_first_row(common))
        ]
        return any(
            not np.allclose(one[:, 1], other[:, 1], 1e-4, 1e-5, equal_nan=True)
            for one, other in zip(*seen)
        )

    @property
    def mixes_rows(self) -> bool:
        """Whether it computes rows with others than those of their own batch."""
        return self.plan.tiled

    @property
    def _at_a_time(self) -> int:
        return 2 if self.plan.tiled else 1

    def _with_another_first_row(self, common: Any) -> Any:
        """Returns what `begin` returned, with another first row in each tensor."""
        raise NotImplementedError

    def _changed(self, tensors: list[Tensor]) -> list[Tensor]:
        """Returns the tensors of a frontier with other values in their first rows."""
        batched = self._frontier.batched_with_masks()
        return [with_another_first_row(t) if b else t for t, b in zip(tensors, batched)]

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
        kept: Iterable[Any] = (),
    ) -> list[Tensor]:
        """Returns one sample of the outputs, or one for each tile of the batch.

        Args:
            model: The model.
            tensors: What samples start from.
            values: Values that variables have for this sample, seeds above all.
            is_batch: See `switched_on`.
            kept: Variables whose values after the sample are returned too.
        """
        spare = self._spare
        with (
            switched_on(model, self._living(), self.plan.shared, is_batch, spare=spare),
            global_generator_is(spare),
            keras.StatelessScope(values) as scope,
        ):
            outputs = self._call(model, tensors)
        self.structure = keras.tree.map_structure(lambda _: 0, outputs)
        after = [scope.get_current_value(variable) for variable in kept]
        flat = self._transform(outputs)
        self.has_variance = self._transform.has_variance(outputs)
        self.tolerances = [tolerance_of_sums(tensor) for tensor in flat]
        self._may_be_labels = [
            not ends_in_softmax
            for ends_in_softmax in self._transform.end_in_softmax(model, outputs)
        ]
        return [*(keras.ops.cast(t, "float32") for t in flat), *after]

    def _updated(
        self,
        states: list[running.Running],
        samples: list[Tensor],
        count: Tensor,
        valid: Tensor | None = None,
    ) -> list[running.Running]:
        return [
            running.update(state, new, count, variance, valid, labels)
            for state, new, variance, labels in zip(
                states, samples, self.has_variance, self._may_be_labels
            )
        ]

    def _generators(self, model: Any) -> list[Any]:
        """Returns all generators that a sample has seeds for."""
        spare = [] if self._spare is None else [self._spare]
        return [*seed_generators(model), *spare]

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
        """Returns inputs as the model takes them, `None` where one is left out."""
        rest = iter(flat)
        return keras.tree.map_structure(
            lambda place: None if place is None else next(rest), self._inputs
        )
