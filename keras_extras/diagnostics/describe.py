"""From a live model to its `Structure`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_extras.diagnostics.loss_names import CUSTOM
from keras_extras.diagnostics.structure import Kernel
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Output
from keras_extras.diagnostics.structure import Structure
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.keras_internals import hyperparameters

# Large kernels are judged by a part of their rows.
_MOST_WEIGHTS = 200_000
# What passes values on, so that the activation before it is that of the output.
_PASSES = ("Reshape", "Flatten", "Dropout", "Identity", "Permute", "Cropping1D")
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
    sites = find_layers(model)
    names = {id(site.layer): site.info.name for site in sites}
    before = _links(model)
    specs = []
    for site in sites:
        layer = site.layer
        specs.append(
            LayerSpec(
                name=site.info.name,
                kind=_kind(layer),
                activation=site.info.activation,
                trainable=bool(layer.trainable),
                weights=sum(
                    math.prod(v.shape)
                    for v in (
                        *layer._trainable_variables,
                        *layer._non_trainable_variables,
                    )
                ),
                inputs=_names(before.get(id(layer)), names),
                kernel=_kernel(layer),
                rate=float(getattr(layer, "rate", 0.0) or 0.0),
                l1=_strength(layer, "l1"),
                l2=_strength(layer, "l2"),
                constraint=_constraint(layer),
                head=_head(layer),
            )
        )
    return tuple(specs)


def describe_frozen(model: Any) -> frozenset[str]:
    """Returns the names of the layers of a built model that do not train now."""
    sites = find_layers(model)
    return frozenset(s.info.name for s in sites if not s.layer.trainable)


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
    return Structure(
        layers=specs,
        outputs=tuple(_outputs(model, specs)),
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
    values = keras.ops.convert_to_tensor(kernel)
    if "Transpose" in _kind(layer):
        values = keras.ops.swapaxes(values, -1, -2)
    units = int(values.shape[-1])
    fan_in = math.prod(values.shape[:-1])
    rows = keras.ops.reshape(values, (fan_in, units))[: max(_MOST_WEIGHTS // units, 1)]
    rows = keras.ops.convert_to_numpy(keras.ops.cast(rows, "float32"))
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


def _links(model: Any) -> dict[int, list[Any]]:
    """Returns for each layer of known graphs those that feed it.

    The layers of a nested functional model are linked with those around it.
    """
    found: dict[int, list[Any]] = {}
    for op, parents in _edges(model, []):
        known = found.setdefault(id(op), [])
        known += [p for p in parents if not any(p is k for k in known)]
    return found


def _graph(model: Any) -> Any:
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if hasattr(model, "_nodes_by_depth") else None


def _edges(model: Any, outside: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
    graph = _graph(model)
    if graph is None:
        return
    for nodes in graph._nodes_by_depth.values():
        for node in nodes:
            op = node.operation
            if isinstance(op, keras.layers.InputLayer):
                continue
            parents = [
                end
                for parent in node.parent_nodes
                for end in _ends(parent.operation, outside)
            ]
            if _graph(op) is not None:
                yield from _edges(op, parents)
            else:
                yield op, parents


def _ends(op: Any, outside: list[Any]) -> list[Any]:
    """Returns the layers whose output is that of `op`: inner ones of a model."""
    if isinstance(op, keras.layers.InputLayer):
        return outside
    graph = _graph(op)
    if graph is None:
        return [op]
    tensors = keras.tree.flatten(graph.outputs)
    return [e for t in tensors for e in _ends(t._keras_history.operation, outside)]


def _outputs(model: Any, specs: tuple[LayerSpec, ...]) -> Iterator[Output]:
    entries = _losses(model)
    losses = [entry.loss for entry in entries]
    metrics = tuple(_metric_names(model))
    ends = _last_layers(model)
    if len(losses) > 1 and [entry.path for entry in entries] != [
        (place,) for place in range(len(ends))
    ]:
        ends = []  # which loss belongs to which output is not known
    sites = find_layers(model)
    names = {id(site.layer): site.info.name for site in sites}
    links = _links(model)
    masked = _may_return_sequences(model) and any(_masks(s.layer) for s in sites)
    for place in range(max(len(losses), len(ends))):
        loss = losses[place] if place < len(losses) else None
        end = ends[place] if len(ends) > place else None
        activation, layer, units = _end(end, specs, names, links)
        yield Output(
            loss=_loss_name(loss),
            from_logits=bool(getattr(loss, "from_logits", False)),
            activation=activation,
            layer=layer,
            units=units,
            metrics=metrics,
            ignored=getattr(loss, "ignore_class", None),
            smoothing=float(getattr(loss, "label_smoothing", 0.0) or 0.0),
            weight=_weight(entries[place], masked) if loss is not None else 1.0,
        )


def _losses(model: Any) -> list[Any]:
    compiled = getattr(model, "_compile_loss", None)
    return list(getattr(compiled, "_flat_losses", None) or [])


def _weight(entry: Any, masked: bool) -> float:
    """Returns what the mean loss is multiplied with; NaN where it is no plain mean."""
    reduction = getattr(entry.loss, "reduction", None)
    if masked or reduction not in ("sum_over_batch_size", "mean", None):
        return math.nan
    weight = entry.loss_weights
    return float(weight) if isinstance(weight, int | float) else 1.0


def _may_return_sequences(model: Any) -> bool:
    graph = _graph(model)
    if graph is None:
        return True
    return any(len(tensor.shape) > 2 for tensor in keras.tree.flatten(graph.outputs))


def _masks(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Masking) or bool(
        getattr(layer, "mask_zero", False)
    )


def _loss_name(loss: Any) -> str:
    if loss is None:
        return ""
    function = getattr(loss, "fn", None)
    makers = [type(loss)] if function is None else [type(loss), function]
    known = all((m.__module__ or "").startswith("keras.") for m in makers)
    return getattr(makers[-1], "__name__", CUSTOM) if known else CUSTOM


def _metric_names(model: Any) -> Iterator[str]:
    for metric in model.metrics:
        inner = getattr(metric, "metrics", [metric])
        yield from (m.name for m in inner if m.name != "loss")


def _last_layers(model: Any) -> list[Any]:
    graph = _graph(model)
    if graph is None:
        return []
    return [t._keras_history for t in keras.tree.flatten(graph.outputs)]


def _end(
    history: Any,
    specs: tuple[LayerSpec, ...],
    names: dict[int, str],
    links: dict[int, list[Any]],
) -> tuple[str | None, str | None, int | None]:
    if history is None:
        return None, None, None
    op = history.operation
    tensor = keras.tree.flatten(op.output)[0] if _graph(op) is None else None
    units = None if tensor is None or len(tensor.shape) < 2 else tensor.shape[-1]
    (op, *_) = _ends(op, [])
    while type(op).__name__ in _PASSES and len(links.get(id(op), [])) == 1:
        (op,) = links[id(op)]
    name = names.get(id(op))
    spec = next((p for p in specs if p.name == name), None)
    if spec is None or len(spec.inputs or ()) > 1 or not _is_plain(op):
        return None, name, units
    return spec.activation or "linear", name, units


def _is_plain(op: Any) -> bool:
    """Whether what the layer returns is what its activation function makes."""
    known = type(op).__module__.startswith("keras.")
    return known and not isinstance(op, keras.layers.Lambda | keras.layers.Wrapper)
