"""Tells weights that nobody has trained or loaded: they are as they were drawn."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.keras_internals.layer_tree import own_weights

# At least one kernel must have so many weights; of fewer than the latter none tells.
_LARGE, _SMALL = 1_000, 50
_MOST = 5_000
# Of Kolmogorov and Smirnov: of weights that were drawn one kernel in 8,000 is above it.
_LIMIT = 2.2
_TRUNCATION = 0.87962566103423978  # standard deviation of a normal cut off at 2
_INITIALIZERS = {
    "kernel": "kernel_initializer",
    "embeddings": "embeddings_initializer",
    "depthwise_kernel": "depthwise_initializer",
    "pointwise_kernel": "pointwise_initializer",
}
_CONSTANTS = ("bias", "beta", "gamma", "moving_mean", "moving_variance")


def fresh_frozen_layers(model: Any) -> tuple[str, ...]:
    """Returns names of frozen layers, if all of them are as their initializers drew."""
    frozen = [
        each
        for each in find_layers(model)
        if not each.layer.trainable and own_weights(each.layer)
    ]
    if not are_fresh([each.layer for each in frozen]):
        return ()
    return tuple(each.info.name for each in frozen)


def are_fresh(layers: list[Any]) -> bool:
    """Returns whether no weight of these layers differs from what it began as.

    Biases and moving statistics must be constants still, and kernels must follow the
    distribution of their initializer, at least one of them large enough to tell.
    """
    sizes = [_size_if_fresh(layer, v) for layer in layers for v in own_weights(layer)]
    known = [size for size in sizes if size is not None]
    return len(known) == len(sizes) and max(known, default=0) >= _LARGE


def _size_if_fresh(layer: Any, variable: Any) -> int | None:
    """Returns how many weights speak for it, `None` where one speaks against it."""
    name = variable.path.rpartition("/")[2]
    if name in _INITIALIZERS:
        owner = getattr(layer, "cell", layer)
        initializer = getattr(owner, _INITIALIZERS[name], None)
        size = math.prod(variable.shape)
        if size < _SMALL:
            return 0
        return size if _is_drawn(_some(variable), variable.shape, initializer) else None
    if name in _CONSTANTS:
        values = keras.ops.convert_to_numpy(variable)
        return 0 if np.isin(values, (0.0, 1.0)).all() else None
    if "seed" in name or not variable.dtype.startswith("float"):
        return 0
    return 0 if name == "recurrent_kernel" else None


def _some(variable: Any) -> np.ndarray:
    """Returns some weights, of very many an evenly spaced part."""
    flat = keras.ops.reshape(keras.ops.convert_to_tensor(variable), (-1,))
    step = max(math.prod(variable.shape) // _MOST, 1)
    return keras.ops.convert_to_numpy(flat[::step]).astype(np.float64)


def _is_drawn(values: np.ndarray, shape: Any, initializer: Any) -> bool:
    """Returns whether values may have been drawn by an initializer."""
    found = _distribution(initializer, tuple(shape))
    if found is None or not np.isfinite(values).all():
        return False
    kind, mean, scale = found
    if scale <= 0.0:
        return False
    expected = np.sort(_probability(kind, (np.sort(values) - mean) / scale))
    places = np.arange(len(values) + 1) / len(values)
    away = max(np.max(places[1:] - expected), np.max(expected - places[:-1]))
    return bool(away * math.sqrt(len(values)) < _LIMIT)


def _distribution(
    initializer: Any, shape: tuple[int, ...]
) -> tuple[str, float, float] | None:
    """Returns kind, middle and scale of what an initializer draws from."""
    known = keras.initializers
    if isinstance(initializer, known.VarianceScaling):
        variance = initializer.scale / max(_fan(shape, initializer.mode), 1.0)
        kind = initializer.distribution
        if kind == "uniform":
            return "uniform", 0.0, math.sqrt(3.0 * variance)
        if kind == "untruncated_normal":
            return "normal", 0.0, math.sqrt(variance)
        return "truncated", 0.0, math.sqrt(variance) / _TRUNCATION
    if isinstance(initializer, known.RandomUniform):
        low, high = float(initializer.minval), float(initializer.maxval)
        return "uniform", (low + high) / 2.0, (high - low) / 2.0
    if isinstance(initializer, known.TruncatedNormal):
        return "truncated", float(initializer.mean), float(initializer.stddev)
    if isinstance(initializer, known.RandomNormal):
        return "normal", float(initializer.mean), float(initializer.stddev)
    return None


def _fan(shape: tuple[int, ...], mode: str) -> float:
    field = math.prod(shape[:-2]) if len(shape) > 2 else 1
    fan_in, fan_out = shape[-2] * field, shape[-1] * field
    return {"fan_in": fan_in, "fan_out": fan_out}.get(mode, (fan_in + fan_out) / 2.0)


def _probability(kind: str, values: np.ndarray) -> np.ndarray:
    """Returns the share of draws below each of the values."""
    if kind == "uniform":
        return np.clip((values + 1.0) / 2.0, 0.0, 1.0)
    normal = 0.5 * (1.0 + np.vectorize(math.erf)(values / math.sqrt(2.0)))
    if kind == "normal":
        return normal
    least = 0.5 * (1.0 + math.erf(-2.0 / math.sqrt(2.0)))
    return np.clip((normal - least) / (1.0 - 2.0 * least), 0.0, 1.0)
