"""Describes the outputs of a live model and what they are judged by."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.diagnostics.layer_links import ends_of
from keras_extras.diagnostics.layer_links import links_of
from keras_extras.diagnostics.loss_names import CUSTOM
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Output
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.keras_internals.compiled_losses import compiled_losses
from keras_extras.keras_internals.graph import graph_of
from keras_extras.keras_internals.graph import operation_of
from keras_extras.keras_internals.graph import output_structure

# What passes values on, so that the activation before it is that of the output.
_PASSES = ("Reshape", "Flatten", "Dropout", "Identity", "Permute", "Cropping1D")


def outputs_of(model: Any, specs: tuple[LayerSpec, ...]) -> Iterator[Output]:
    """Yields the outputs of a model, in the order of its predictions."""
    metrics = tuple(_metric_names(model))
    ends = _last_tensors(model)
    entries = _in_order_of_outputs(model, compiled_losses(model))
    if entries is None:
        entries, ends = compiled_losses(model), []  # which belongs to which?
    losses = [None if entry is None else entry.loss for entry in entries]
    monitored = find_layers(model)
    names = {id(each.layer): each.info.name for each in monitored}
    links = links_of(model)
    masked = _may_return_sequences(model) and any(_masks(s.layer) for s in monitored)
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
            name="" if loss is None else str(entries[place].name or ""),
        )


def _weight(entry: Any, masked: bool) -> float:
    """Returns what the mean loss is multiplied with; NaN where it is no plain mean."""
    reduction = getattr(entry.loss, "reduction", None)
    if masked or reduction not in ("sum_over_batch_size", "mean", None):
        return math.nan
    weight = entry.loss_weights
    return float(weight) if isinstance(weight, int | float) else 1.0


def _may_return_sequences(model: Any) -> bool:
    graph = graph_of(model)
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


def _last_tensors(model: Any) -> list[Any]:
    graph = graph_of(model)
    return [] if graph is None else keras.tree.flatten(graph.outputs)


def _in_order_of_outputs(model: Any, entries: list[Any]) -> list[Any] | None:
    """Returns the losses in the order in which predictions are flattened.

    Keras keeps them in the order in which they were compiled, with the path of their
    output: its name in a dict, its place in a list. `None` for an output without a
    loss; `None` for all of them where paths fit no output.
    """
    graph = graph_of(model)
    if graph is None or len(entries) <= 1 == len(_last_tensors(model)):
        return entries
    paths = [path for path, _ in keras.tree.flatten_with_path(output_structure(graph))]
    by_path = {entry.path: entry for entry in entries}
    if not by_path.keys() <= set(paths) or len(by_path) != len(entries):
        return entries if len(entries) <= 1 else None
    return [by_path.get(path) for path in paths]


def _end(
    tensor: Any,
    specs: tuple[LayerSpec, ...],
    names: dict[int, str],
    links: dict[int, list[Any]],
) -> tuple[str | None, str | None, int | None]:
    if tensor is None:
        return None, None, None
    units = None if len(tensor.shape) < 2 else tensor.shape[-1]
    (op, *_) = ends_of(operation_of(tensor), [])
    while type(op).__name__ in _PASSES and len(links.get(id(op), [])) == 1:
        (op,) = links[id(op)]
    name = names.get(id(op))
    spec = next((p for p in specs if p.name == name), None)
    if spec is None or len(spec.inputs or ()) > 1 or not _is_plain(op):
        return None, name, units
    return spec.activation or "linear", name, units


def _is_plain(op: Any) -> bool:
    """Returns whether what the layer returns is what its activation function makes."""
    known = type(op).__module__.startswith("keras.")
    return known and not isinstance(op, keras.layers.Lambda | keras.layers.Wrapper)
