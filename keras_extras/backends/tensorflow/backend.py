from __future__ import annotations

import contextlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_extras.backends import contract
from keras_extras.backends.contract import Stack
from keras_extras.backends.contract import Wanted
from keras_extras.backends.plain_hand_over import PlainHandOver
from keras_extras.backends.tensorflow import packing
from keras_extras.backends.tensorflow.batch_ring import BatchRing
from keras_extras.backends.tensorflow.dry_run import TensorFlowDryRun
from keras_extras.backends.tensorflow.hand_over import HandOver
from keras_extras.backends.tensorflow.variables import VariablesKept
from keras_extras.backends.variables_hold_state import VariablesHoldState
from keras_extras.keras_internals.building import build_optimizer
from keras_extras.keras_internals.building import copies_weights
from keras_extras.keras_internals.building import is_built
from keras_extras.keras_internals.overrides import attribute_set
from keras_extras.keras_internals.stock import trains_with_keras_own_step

# Tracing one of the small functions here costs about as much as this many runs.
_EAGER_READS = 24
_EAGER_CALLS = 8


class TensorFlowBackend(VariablesHoldState):
    """Implements `keras_extras.backends.contract.Backend`."""

    def dry_run(
        self, model: Any, wanted: Wanted, arguments: tuple[Any, ...]
    ) -> TensorFlowDryRun:
        (data,) = arguments
        return TensorFlowDryRun(model, wanted, getattr(data, "element_spec", None))

    def hand_over(self, model: Any, arguments: tuple[Any, ...]) -> contract.HandOver:
        (data,) = arguments
        if isinstance(data, tf.data.Iterator | tf.distribute.DistributedIterator):
            return HandOver(data)
        return PlainHandOver()

    def weight_reader(
        self, variables: Sequence[Any]
    ) -> Callable[[], tuple[Stack, ...]]:
        return _WeightReader(variables)

    def function(self, function: Callable[..., Any]) -> Callable[..., np.ndarray]:
        return _CompiledWhenUsed(function)

    def number(self, variable: Any) -> float:
        value = packing.local_value(variable)
        if hasattr(value, "handle"):
            value = packing.read(value)
        return float(packing.to_numpy(value))

    def build(self, model: Any, arguments: tuple[Any, ...]) -> None:
        """Builds a model that trains with Keras' own step, before its first batch.

        One with a step of its own is built by that step. Keras builds an optimizer
        along with the model, which such a step may not use at all.
        """
        ready = is_built(model) and not _makes_metrics_of_losses(model)
        if ready or not trains_with_keras_own_step(model):
            return
        (iterator,) = arguments
        batch = tf.nest.map_structure(
            lambda spec: keras.KerasTensor(spec.shape, spec.dtype.name),
            iterator.element_spec,
        )
        with model.distribute_strategy.scope(), contextlib.suppress(Exception):
            # A step names the variables of the optimizer in another way than this.
            with attribute_set(model.optimizer, "built", True):
                model._symbolic_build(data_batch=batch)
            if not copies_weights(model.optimizer):
                build_optimizer(model.optimizer, model.trainable_variables)

    def snapshot(self, model: Any) -> VariablesKept:
        return VariablesKept(model)

    def batch_ring(self, epoch_iterator: Any) -> BatchRing | None:
        try:
            return BatchRing(epoch_iterator)
        except (AttributeError, NotImplementedError):  # distributed, ragged ...
            return None

    def replicas(self, model: Any) -> int:
        return model.distribute_strategy.num_replicas_in_sync


def _makes_metrics_of_losses(model: Any) -> bool:
    """Returns whether the first call of a model's loss makes variables.

    Keras keeps the mean of each loss where there are several.
    """
    losses = getattr(model, "_compile_loss", None)
    return (
        losses is not None
        and not losses.built
        and len(getattr(model, "outputs", None) or [0]) > 1
    )


class _WeightReader:
    """Reads variables, in groups of one shape; compiled when that pays."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self._variables = variables
        self._eager_reads_left = _EAGER_READS
        self._members: tuple[tuple[int, ...], ...] = ()
        self._compiled: Callable[[], Any] | None = None

    def __call__(self) -> tuple[Stack, ...]:
        if self._eager_reads_left > 0:
            self._eager_reads_left -= 1
            return packing.unpack(packing.pack_variables(self._variables))
        if self._compiled is None:
            function = tf.function(self._pack, autograph=False)
            self._compiled = function.get_concrete_function()
        return packing.unpack(packing.Packed(self._members, self._compiled()))

    def _pack(self) -> tuple[Any, ...]:
        packed = packing.pack_variables(self._variables)
        self._members = packed.members
        return packed.values


class _CompiledWhenUsed:
    """Calls a function of whole numbers; compiles it if it is called often."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._eager_calls_left = _EAGER_CALLS
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *numbers: int) -> np.ndarray:
        tensors = [tf.constant(number, tf.int64) for number in numbers]
        if self._eager_calls_left > 0:
            self._eager_calls_left -= 1
            return packing.to_numpy(self._function(*tensors))
        if self._compiled is None:
            function = tf.function(self._function, autograph=False)
            self._compiled = function.get_concrete_function(*tensors)
        return packing.to_numpy(self._compiled(*tensors))
