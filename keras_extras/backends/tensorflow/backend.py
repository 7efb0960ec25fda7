from __future__ import annotations

import contextlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_extras.backends.contract import Stack
from keras_extras.backends.contract import Wanted
from keras_extras.backends.tensorflow import packing
from keras_extras.backends.tensorflow.dry_run import TensorFlowDryRun
from keras_extras.backends.tensorflow.hand_over import HandOver
from keras_extras.backends.tensorflow.stock import trains_with_keras_own_step
from keras_extras.keras_internals.building import is_built

# Tracing one of the small functions here costs about as much as this many runs.
_EAGER_READS = 24
_EAGER_CALLS = 8


class TensorFlowBackend:
    """Implements `keras_extras.backends.contract.Backend`."""

    def dry_run(
        self, model: Any, wanted: Wanted, arguments: tuple[Any, ...]
    ) -> TensorFlowDryRun:
        (iterator,) = arguments
        return TensorFlowDryRun(model, wanted, iterator.element_spec)

    def hand_over(self, model: Any, arguments: tuple[Any, ...]) -> HandOver:
        return HandOver(arguments[0], model)

    def weight_reader(
        self, variables: Sequence[Any]
    ) -> Callable[[], tuple[Stack, ...]]:
        return _WeightReader([_value(variable) for variable in variables])

    def function(self, function: Callable[..., Any]) -> Callable[..., np.ndarray]:
        return _CompiledWhenUsed(function)

    def number(self, variable: Any) -> float:
        value = _value(variable)
        return float(packing.to_numpy(value if tf.is_tensor(value) else _read(value)))

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
            model._symbolic_build(data_batch=batch)

    def replicas(self, model: Any) -> int:
        return model.distribute_strategy.num_replicas_in_sync


def _makes_metrics_of_losses(model: Any) -> bool:
    """Returns whether the first call of a model's loss makes variables.

    Keras keeps the mean of each loss where there are several.
    """
    losses = getattr(model, "_compile_loss", None)
    return losses is not None and not losses.built and len(model.outputs or [0]) > 1


class _WeightReader:
    """Reads variables, in groups of one shape; compiled when that pays."""

    def __init__(self, variables: list[Any]) -> None:
        self._variables = variables
        self._eager_reads_left = _EAGER_READS
        self._members: tuple[tuple[int, ...], ...] = ()
        self._compiled = tf.function(self._pack, autograph=False)

    def __call__(self) -> tuple[Stack, ...]:
        eager = self._eager_reads_left > 0
        self._eager_reads_left -= eager
        values = self._pack() if eager else self._compiled()
        return packing.unpack(packing.Packed(self._members, values))

    def _pack(self) -> tuple[Any, ...]:
        packed = packing.pack(
            [(n, packing.as_float(_read(v))) for n, v in enumerate(self._variables)]
        )
        self._members = packed.members
        return packed.values


class _CompiledWhenUsed:
    """Calls a function of scalars; compiles it if it is called again and again."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._eager_calls_left = _EAGER_CALLS
        self._compiled = tf.function(function, autograph=False)

    def __call__(self, *numbers: int) -> np.ndarray:
        eager = self._eager_calls_left > 0
        self._eager_calls_left -= eager
        function = self._function if eager else self._compiled
        return packing.to_numpy(function(*(tf.constant(n, tf.int64) for n in numbers)))


def _value(variable: Any) -> Any:
    """Returns what holds the values of a Keras variable, a local one of replicas."""
    value = getattr(variable, "_value", variable)
    if isinstance(value, tf.distribute.DistributedValues):
        return value.values[0]
    return value


def _read(variable: Any) -> Any:
    # `variable.value()` copies on the device first, which takes longer than the rest.
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)
