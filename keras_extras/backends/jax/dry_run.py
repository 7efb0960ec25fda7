from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from keras_extras.backends import stacks
from keras_extras.backends.contract import BatchValues
from keras_extras.backends.contract import CannotInspectError
from keras_extras.backends.contract import ReplicaValues
from keras_extras.backends.contract import Wanted
from keras_extras.backends.jax.arrays import to_numpy
from keras_extras.backends.jax.found import Found
from keras_extras.backends.jax.found import is_floating
from keras_extras.backends.jax.program import Program
from keras_extras.backends.jax.purity import side_effect
from keras_extras.backends.jax.state import values_by_variable
from keras_extras.backends.jax.state import variables_kept
from keras_extras.backends.jax.step_taps import StepTaps
from keras_extras.backends.jax.unreached import zeros_filled_in
from keras_extras.keras_internals.dry_scope import losses_kept
from keras_extras.keras_internals.snapshot import random_state_kept_beside

# A shape that comes again when a batch is to be sampled is not that of a short rest.
_PATIENCE = 4


class JaxDryRun:
    """Runs the training step of a model without a write, and brings back what it saw.

    The model's own `train_step` is traced once more, by a function of ours, and only
    what leads to the wanted values is compiled, for each shape of the batches.

    Args:
        model: The model.
        wanted: What to bring back.
    """

    def __init__(self, model: Any, wanted: Wanted) -> None:
        self._model = model
        self._wanted = wanted
        self._layers = model._flatten_layers(include_self=True, recursive=True)
        self._taps = StepTaps(model, wanted.layers)
        self._programs: dict[Any, tuple[Found, Program]] = {}
        self._declined: dict[Any, int] = {}

    @property
    def optimizers(self) -> tuple[Any, ...]:
        """The optimizers that the step applies."""
        return next((found.optimizers for found, _ in self._programs.values()), ())

    def is_dear(self, batch: Any) -> bool:
        """Returns whether the batch has a shape that is new, and not often seen."""
        shapes = _shapes(batch)
        if not self._programs or shapes in self._programs:
            return False
        self._declined[shapes] = self._declined.get(shapes, 0) + 1
        return self._declined[shapes] < _PATIENCE

    def __call__(self, state: Any, batch: Any) -> tuple[ReplicaValues, ...]:
        shapes = _shapes(batch)
        if shapes not in self._programs:
            self._programs[shapes] = self._compile(state, batch)
        found, program = self._programs[shapes]
        values = program(state, batch)
        weights = self._weights(state)
        inputs_are_finite = functools.partial(_inputs_are_finite, batch)
        return (self._on_the_host(found, values, weights, inputs_are_finite),)

    def _weights(self, state: Any) -> list[np.ndarray]:
        """Returns copies of the weights: the user's step is given their memory.

        The program would copy them too, but takes a fifth longer to compile for it.
        """
        values = values_by_variable(self._model, state)
        return [
            np.array(to_numpy(values[id(variable)]))
            for variable in self._wanted.weights
        ]

    def _compile(self, state: Any, batch: Any) -> tuple[Found, Program]:
        found, step = self._trace(state, batch)
        effect = side_effect(step)
        if effect is not None:
            raise CannotInspectError(
                f"its training step has a side effect, `{effect}`, which would happen "
                "twice on a sampled batch. Typical are `jax.debug.print`, "
                "`jax.debug.callback` and `io_callback`"
            )
        found.leave_out(zeros_filled_in(step.jaxpr))
        return found, Program(step, found.names(), state)

    def _trace(self, state: Any, batch: Any) -> tuple[Found, Any]:
        found = Found(self._model, self._wanted)

        # A function of its own: JAX keeps traces by the function, the user's too.
        def step(state: Any, batch: Any) -> None:
            self._model.train_step(state, batch)

        try:
            with (
                random_state_kept_beside(self._model),
                losses_kept(self._layers),
                variables_kept(self._model),
                self._taps.heard_by(found),
            ):
                return found, jax.make_jaxpr(step)(state, batch)
        except Exception as error:
            if not self._model.run_eagerly:
                raise
            # What runs twice unseen may change the training.
            raise CannotInspectError(
                "it runs eagerly, and its training step cannot be traced to look for "
                f"side effects ({type(error).__name__})"
            ) from error

    def _on_the_host(
        self,
        found: Found,
        values: dict[str, Any],
        weights: list[np.ndarray],
        inputs_are_finite: Callable[[], bool],
    ) -> ReplicaValues:
        arrays = {name: to_numpy(value) for name, value in values.items()}
        known = [(name, layer) for name, layer in found.outputs if name in arrays]
        layers = self._wanted.layers
        outputs = [_units_last(arrays[name], layers[layer]) for name, layer in known]
        gradients = [
            (number, arrays[name])
            for number, name in found.gradients.items()
            if name in arrays
        ]
        return ReplicaValues(
            calls=tuple(layer for _, layer in known),
            outputs=stacks.stack_outputs(outputs),
            gradients=stacks.stack_flat(gradients),
            weights=stacks.stack_flat(enumerate(weights)),
            trained=tuple(found.trained),
            batch=self._batch(found, arrays),
            inputs_are_finite=inputs_are_finite,
        )

    def _batch(self, found: Found, arrays: dict[str, np.ndarray]) -> BatchValues | None:
        rows = [entry for entry in found.rows if entry[1] in arrays]
        if not rows or any(name not in arrays for name in found.loss):
            return None
        loss, penalty = (float(arrays[name]) for name in found.loss)
        tensors: dict[str, list[Any]] = {"x": [], "y": [], "y_pred": []}
        for kind, name, dtype in rows:
            first = stacks.as_float(arrays[name][: self._wanted.rows])
            tensors[kind].append((first, arrays[name].shape[1:], dtype))
        count = next((len(arrays[n]) for k, n, _ in rows if k == "y_pred"), None)
        if count is None:
            count = len(arrays[rows[0][1]])
        return BatchValues(loss, penalty, found.weighted, count, tensors)


def _shapes(batch: Any) -> Any:
    leaves, structure = jax.tree.flatten(batch)
    return structure, tuple((np.shape(leaf), leaf.dtype) for leaf in leaves)


def _units_last(array: np.ndarray, layer: Any) -> np.ndarray:
    if getattr(layer, "data_format", None) != "channels_first" or array.ndim < 3:
        return array
    return np.moveaxis(array, 1, -1)


def _inputs_are_finite(batch: Any) -> bool:
    x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
    leaves = [leaf for leaf in jax.tree.leaves(x) if is_floating(leaf)]
    return all(bool(jnp.isfinite(leaf).all()) for leaf in leaves)
