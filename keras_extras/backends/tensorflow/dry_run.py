from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_extras.backends.contract import BatchValues
from keras_extras.backends.contract import CannotInspectError
from keras_extras.backends.contract import ReplicaValues
from keras_extras.backends.contract import Wanted
from keras_extras.backends.tensorflow import packing
from keras_extras.backends.tensorflow.found import Found
from keras_extras.backends.tensorflow.purity import side_effect
from keras_extras.keras_internals.dry_scope import DryScope
from keras_extras.keras_internals.dry_scope import losses_kept
from keras_extras.keras_internals.snapshot import random_state_kept_beside
from keras_extras.keras_internals.stock import is_stock
from keras_extras.keras_internals.stock import optimizers_within
from keras_extras.keras_internals.stock import trains_with_keras_own_step
from keras_extras.keras_internals.taps import Taps

# Tracing costs about as much as this many runs without: 4 for a small convolutional
# network, 8 for 3 to 21 layers, 11 for 100. It comes at once, though, and what a
# training of a minute can pay for is about as many.
_EAGER_RUNS = 12


class TensorFlowDryRun:
    """Runs the training step of a model without a write, and brings back what it saw.

    The first runs of a model made of Keras' own layers are eager: a graph is traced
    only when as much time has gone into them as tracing takes. What holds code of
    other people is traced at once, and looked through for side effects before it runs
    for the first time.

    Args:
        model: The model.
        wanted: What to bring back.
        spec: The `element_spec` of the iterator that `fit` reads; `None` if it reads
            none, as `train_on_batch` does: then it is that of the first batch.
    """

    def __init__(self, model: Any, wanted: Wanted, spec: Any) -> None:
        self._model = model
        self._wanted = wanted
        self._spec = spec
        self._own_step = trains_with_keras_own_step(model)
        self._layers = model._flatten_layers(include_self=True, recursive=True)
        self._taps = Taps(wanted.layers, model, optimizers_within(model))
        self._eager_runs_left = _EAGER_RUNS if is_stock(model) else 0
        self._compiled: Callable[..., Any] | None = None
        self._found: list[Found] = []

    @property
    def optimizers(self) -> tuple[Any, ...]:
        """The optimizers that the step applies; none if that is Keras' own step."""
        return self._found[0].optimizers if self._found else ()

    def is_dear(self, batch: Any) -> bool:
        """Returns `False`: shapes that vary are part of one trace."""
        return False

    def __call__(self, state: Any, batch: Any) -> tuple[ReplicaValues, ...]:
        if self._spec is None:
            batch = tf.nest.map_structure(tf.convert_to_tensor, batch)
        if self._eager_runs_left > 0:
            self._eager_runs_left -= 1
            with random_state_kept_beside(self._model):
                results = self._run_replicas(batch)
        else:
            if self._compiled is None:
                self._compiled = self._trace(batch)
            results = self._compiled(batch)
        return tuple(
            _on_the_host(found, result, functools.partial(self._are_finite, batch))
            for found, result in zip(self._found, results)
        )

    def _are_finite(self, batch: Any) -> bool:
        """Returns whether the inputs in a batch are, those of all replicas."""
        local = self._model.distribute_strategy.experimental_local_results
        x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        leaves = [part for leaf in tf.nest.flatten(x) for part in local(leaf)]
        return all(
            bool(tf.reduce_all(tf.math.is_finite(packing.as_float(leaf))))
            for leaf in leaves
            if isinstance(leaf, tf.Tensor) and leaf.dtype.is_floating
        )

    def _trace(self, batch: Any) -> Callable[..., Any]:
        spec = batch if self._spec is None else self._spec
        function = tf.function(self._run_replicas, autograph=False)
        try:
            with random_state_kept_beside(self._model):
                concrete = function.get_concrete_function(spec)
        except Exception as error:
            if not self._model.run_eagerly:
                raise
            # What runs twice unseen may change the training.
            raise CannotInspectError(
                "it runs eagerly, and its training step cannot be traced to look for "
                f"side effects ({type(error).__name__})"
            ) from error
        effect = side_effect(concrete.graph)
        if effect is not None:
            raise CannotInspectError(
                f"its training step has a side effect, {effect}, which would happen "
                "twice on a sampled batch. Typical are `tf.print`, `tf.py_function` "
                "and writing to a `tf.Variable`; what `self.add_weight` made may be "
                "written to"
            )
        return function

    def _run_replicas(self, batch: Any) -> tuple[Any, ...]:
        """Returns what each replica saw, as tensors; notes what they are."""
        strategy = self._model.distribute_strategy
        found: list[Found] = []

        @tf.autograph.experimental.do_not_convert
        def run(data: Any) -> Any:
            own = Found(self._model, self._wanted)
            found.append(own)
            with (
                losses_kept(self._layers),
                DryScope() as scope,
                self._taps.heard_by(own),
            ):
                self._step(_without_optionals(data), own, scope)
                return own.tensors()

        with self._taps.installed():
            if strategy.num_replicas_in_sync == 1:
                results: tuple[Any, ...] = (run(batch),)
            else:
                results = _local(strategy, strategy.run(run, args=(batch,)))
        self._found = found
        return results

    def _step(self, data: Any, found: Found, scope: DryScope) -> None:
        if not self._own_step:
            self._model.train_step(data)
            return
        model = self._model
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        variables = model.trainable_weights if self._wanted.variables else []
        with tf.GradientTape() as tape:
            training = {"training": True} if model._call_has_training_arg else {}
            y_pred = model(x, **training)
            loss = model._compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True
            )
            if variables:
                loss = model.optimizer.scale_loss(loss)
        if variables:
            # What the step itself has assigned, as spectral normalization does, is a
            # value of its own from there.
            sources = [scope.get_current_value(variable) for variable in variables]
            gradients = tape.gradient(loss, sources)
            found.on_apply(model.optimizer, gradients, variables)


def _local(strategy: Any, results: Any) -> tuple[Any, ...]:
    """Returns the results of each replica, as structures of tensors."""
    replicas = strategy.num_replicas_in_sync
    flat = [strategy.experimental_local_results(r) for r in tf.nest.flatten(results)]
    return tuple(
        tf.nest.pack_sequence_as(results, [values[k] for values in flat])
        for k in range(replicas)
    )


def _without_optionals(data: Any) -> Any:
    """Returns a batch as Keras hands it to `train_step`: no weights are `None`."""
    return keras.tree.map_structure(
        lambda leaf: None if isinstance(leaf, tf.experimental.Optional) else leaf, data
    )


def _on_the_host(
    found: Found, result: dict[str, Any], inputs_are_finite: Callable[[], bool]
) -> ReplicaValues:
    outputs, gradients, weights = (
        packing.Packed(found.packed[name].members, *result[name])
        for name in ("outputs", "gradients", "weights")
    )
    return ReplicaValues(
        calls=tuple(found.calls),
        outputs=packing.unpack_outputs(outputs),
        gradients=packing.unpack(gradients),
        weights=packing.unpack(weights),
        trained=tuple(found.trained),
        batch=_batch(found, result),
        inputs_are_finite=inputs_are_finite,
    )


def _batch(found: Found, result: dict[str, Any]) -> BatchValues | None:
    if not result["batch"]:
        return None
    loss, penalty, rows = (packing.to_numpy(t) for t in result["numbers"])
    tensors: dict[str, list[Any]] = {"x": [], "y": [], "y_pred": []}
    for (kind, shape, dtype), tensor in zip(found.places, result["batch"]):
        tensors[kind].append((packing.to_numpy(tensor), shape, dtype))
    return BatchValues(
        _scalar(loss), _scalar(penalty), found.weighted, int(rows), tensors
    )


def _scalar(array: np.ndarray) -> float:
    """Returns the value of a loss; that of a batch without rows may be none."""
    return float(array.reshape(-1)[0]) if array.size else math.nan
