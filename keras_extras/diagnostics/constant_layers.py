"""Watches layers during a call, for those that return the same whatever they get."""

from __future__ import annotations

import functools
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from keras_extras.inspection.monitored_layers import MonitoredLayer
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.keras_internals.layer_tree import inner_layers
from keras_extras.keras_internals.layer_tree import own_trainable
from keras_extras.keras_internals.overrides import Overrides
from keras_extras.records.constant_layer import ConstantLayer

_NORMALIZE = (
    keras.layers.LayerNormalization,
    keras.layers.UnitNormalization,
    keras.layers.Softmax,
)
# Whole layers of units may be dead or saturated, which other rules tell better.
_MAY_BE_FLAT = ("relu", "relu6", "leaky_relu", "sigmoid", "hard_sigmoid", "tanh")
_MOST_LAYERS = 300
_SAME, _DIFFERENT = 1e-6, 1e-3


class ConstantLayers:
    """Measures how much inputs and outputs of layers differ between the rows.

    Only layers are watched whose output may be constant by a fault in the program:
    those without weights, and those that normalise along an axis.

    Args:
        model: The model that is to be called.
    """

    def __init__(self, model: Any) -> None:
        layers = find_layers(model)
        within = {
            id(inner)
            for each in layers
            if _is_keras(each.layer) and not isinstance(each.layer, keras.Model)
            for inner in inner_layers(each.layer)
        }
        self._watched = [
            each
            for each in (layers if len(layers) <= _MOST_LAYERS else [])
            if id(each.layer) not in within and _is_watched(each.layer)
        ]
        self._calls: list[tuple[MonitoredLayer, bool]] = []
        self._spreads: list[Any] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Measures the calls of layers within; each call of the model anew."""
        self._calls, self._spreads = [], []
        overrides = Overrides()
        try:
            for each in self._watched:
                overrides.set(each.layer, "call", self._call(each, each.layer.call))
            yield
        finally:
            overrides.restore()

    def spreads(self) -> list[Any]:
        """Returns what was measured as tensors, two numbers for each call."""
        return self._spreads

    def _call(
        self, monitored: MonitoredLayer, call: Callable[..., Any]
    ) -> Callable[..., Any]:
        @functools.wraps(call)
        def wrapper(*arguments: Any, **named: Any) -> Any:
            output = call(*arguments, **named)
            spreads = [_spread(value) for value in (*arguments[:1], output)]
            if len(spreads) == 2 and all(spread is not None for spread in spreads):
                along = _normalizes_one(monitored.layer, output)
                if _is_softmax(monitored.layer) and not along:
                    # One that is sure of one class for all rows has large inputs.
                    likeliest = keras.ops.max(keras.ops.cast(output, "float32"), -1)
                    sure = keras.ops.min(likeliest) > 1.0 - _SAME
                    spreads[1] = keras.ops.where(sure, 1.0, spreads[1])
                self._calls.append((monitored, along))
                self._spreads.append(keras.ops.stack(spreads))
            return output

        return wrapper

    def found(
        self, spreads: Sequence[np.ndarray], one_prediction: bool
    ) -> tuple[ConstantLayer, ...]:
        """Returns the layers at fault.

        Args:
            spreads: What `spreads` returned, as arrays.
            one_prediction: Whether all rows got the same prediction.
        """
        still = [
            (each.info.name, along)
            for (each, along), (before, after) in zip(self._calls, spreads)
            if before > _DIFFERENT and after <= _SAME
        ]
        along_one = [ConstantLayer(name, True) for name, along in still if along]
        if along_one or not one_prediction:
            return tuple(along_one)
        return tuple(ConstantLayer(name, False) for name, _ in still[:1])


def _is_softmax(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Softmax) or _activation(layer) == "softmax"


def _activation(layer: Any) -> str:
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _is_watched(layer: Any) -> bool:
    activation = _activation(layer)
    if isinstance(layer, _NORMALIZE) or activation == "softmax":
        return True
    if isinstance(
        layer, keras.layers.ReLU | keras.layers.InputLayer | keras.layers.RNN
    ):
        return False
    return not own_trainable(layer) and activation not in _MAY_BE_FLAT


def _normalizes_one(layer: Any, output: Any) -> bool:
    """Returns whether the axes that a layer normalises have one element in all."""
    if isinstance(layer, _NORMALIZE):
        axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    elif _activation(layer) == "softmax":
        axes = [-1]
    else:
        return False
    return all(output.shape[axis] == 1 for axis in axes)


def _spread(value: Any) -> Any | None:
    """Returns by how much rows differ, as a part of the largest number."""
    if not keras.ops.is_tensor(value) or not len(value.shape):
        return None
    if value.shape[0] is None or value.shape[0] < 2:
        return None
    kind = keras.backend.standardize_dtype(value.dtype)
    if not kind.startswith(("float", "bfloat", "int", "uint")):
        return None
    rows = keras.ops.cast(value, "float32")
    apart = keras.ops.max(rows, axis=0) - keras.ops.min(rows, axis=0)
    largest = keras.ops.max(keras.ops.abs(rows))
    return keras.ops.max(apart) / keras.ops.maximum(largest, 1e-30)


def _is_keras(layer: Any) -> bool:
    return type(layer).__module__.startswith("keras.")
