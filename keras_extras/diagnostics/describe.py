"""Describes a live model as a `Structure`."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from keras_extras.diagnostics.describe_outputs import outputs_of
from keras_extras.diagnostics.layer_links import links_of
from keras_extras.diagnostics.structure import Kernel
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Structure
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.layer_tree import own_weights

_COPIED_AT_ONCE = 1_000_000  # weights; faster than to run an operation
_MOST_WEIGHTS = 200_000  # large kernels are judged by a part of their rows
_OPTIMIZER_NUMBERS = (
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "epsilon",
    "momentum",
    "weight_decay",
)


def describe_layers(model: Any) -> tuple[LayerSpec, ...]:
    """Returns the layers of a built model, with its weights as they are now."""
    monitored = find_layers(model)
    names = {id(each.layer): each.info.name for each in monitored}
    before = links_of(model)
    specs = []
    for each in monitored:
        layer = each.layer
        specs.append(
            LayerSpec(
                name=each.info.name,
                kind=_kind(layer),
                activation=each.info.activation,
                trainable=bool(layer.trainable),
                weights=sum(math.prod(v.shape) for v in own_weights(layer)),
                inputs=_names(before.get(id(layer)), names),
                kernel=_kernel(layer),
                rate=float(getattr(layer, "rate", 0.0) or 0.0),
                l1=_strength(layer, "l1"),
                l2=_strength(layer, "l2"),
                constraint=_constraint(layer),
                head=_head(layer),
                precision=str(layer.compute_dtype),
            )
        )
    return tuple(specs)


def describe_frozen(model: Any) -> frozenset[str]:
    """Returns the names of the layers of a built model that do not train now."""
    monitored = find_layers(model)
    return frozenset(m.info.name for m in monitored if not m.layer.trainable)


def _names(layers: list[Any] | None, names: dict[int, str]) -> Any:
    if layers is None:
        return None
    return tuple(names.get(id(layer), "") for layer in layers)


def describe(model: Any, specs: tuple[LayerSpec, ...], fresh: bool) -> Structure:
    """Returns the structure of a model that has seen its first batch.

    Args:
        model: The model.
        specs: What `describe_layers` returned before that batch.
        fresh: Whether no step was trained before.
    """
    optimizer = hyperparameters.parts(model.optimizer)[0]
    numbers: dict[str, Any] = {
        name: getattr(optimizer, name, None) for name in _OPTIMIZER_NUMBERS
    }
    numbers["steps_per_execution"] = model.steps_per_execution
    return Structure(
        layers=specs,
        outputs=tuple(outputs_of(model, specs)),
        optimizer=type(optimizer).__name__,
        settings={k: float(v) for k, v in numbers.items() if type(v) in (int, float)},
        fresh=fresh,
    )


def _kind(layer: Any) -> str:
    """Returns the name of the first Keras class among the bases of the layer."""
    for base in type(layer).__mro__:
        if base.__module__.startswith("keras.") and base is not keras.layers.Layer:
            return base.__name__
    return type(layer).__name__


def _kernel(layer: Any) -> Kernel | None:
    owner = getattr(layer, "cell", layer)
    kernel = getattr(owner, "kernel", None)
    if not isinstance(kernel, keras.Variable) or len(kernel.shape) < 2:
        return None
    if isinstance(layer, keras.layers.EinsumDense) or "Depthwise" in _kind(layer):
        return None
    values: Any = keras.ops.convert_to_tensor(kernel)
    ops: Any = keras.ops
    if math.prod(values.shape) <= _COPIED_AT_ONCE:
        values, ops = keras.ops.convert_to_numpy(values), np
    if "Transpose" in _kind(layer):
        values = ops.swapaxes(values, -1, -2)
    units = int(values.shape[-1])
    fan_in = math.prod(values.shape[:-1])
    rows = ops.reshape(values, (fan_in, units))[: max(_MOST_WEIGHTS // units, 1)]
    rows = keras.ops.convert_to_numpy(rows).astype(np.float32)
    alike = units > 1 and bool(np.ptp(rows, axis=1).max(initial=0.0) == 0.0)
    return Kernel(
        fan_in=fan_in,
        units=units,
        rms=float(np.sqrt(np.mean(np.square(rows, dtype=np.float64)))),
        alike=alike,
        initializer=_code_of_initializer(getattr(owner, "kernel_initializer", None)),
    )


def _code_of_initializer(initializer: Any) -> str | None:
    if initializer is None or not hasattr(initializer, "get_config"):
        return None
    try:
        config = initializer.get_config()
    except NotImplementedError:
        return type(initializer).__name__
    known = [f"{k}={v!r}" for k, v in config.items() if type(v) in (int, float)]
    return f"{type(initializer).__name__}({', '.join(known)})"


def _strength(layer: Any, name: str) -> float:
    value = getattr(getattr(layer, "kernel_regularizer", None), name, None)
    return 0.0 if value is None else float(value)


def _constraint(layer: Any) -> str | None:
    constraint = getattr(layer, "kernel_constraint", None)
    return None if constraint is None else type(constraint).__name__


def _head(layer: Any) -> str:
    kind = _kind(layer)
    if isinstance(layer, keras.layers.Dense):
        return f"{kind}({layer.units}"
    filters = getattr(layer, "filters", None)
    size = getattr(layer, "kernel_size", None)
    if filters and size:
        side = size[0] if len(set(size)) == 1 else tuple(size)
        return f"{kind}({filters}, {side}"
    units = getattr(layer, "units", None)
    return f"{kind}({units}" if isinstance(units, int) else f"{kind}("
