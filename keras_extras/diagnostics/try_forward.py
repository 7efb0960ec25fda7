"""Calls a model on a few rows, beside its training, to see what calls depend on."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras.backends.load import load_backend
from keras_extras.backends.load_dry_inference import load_dry_inference
from keras_extras.diagnostics.changed_inputs import first_half
from keras_extras.diagnostics.changed_inputs import later_changed
from keras_extras.diagnostics.changed_inputs import padded_table
from keras_extras.diagnostics.changed_inputs import with_another_padding
from keras_extras.diagnostics.constant_layers import ConstantLayers
from keras_extras.diagnostics.fresh_weights import fresh_frozen_layers
from keras_extras.diagnostics.loss_shapes import shapes_broadcast
from keras_extras.diagnostics.moving_statistics_of import read_moving_statistics
from keras_extras.keras_internals.fit_arrays import FitArrays
from keras_extras.keras_internals.graph import graph_of
from keras_extras.keras_internals.graph import nodes_by_depth
from keras_extras.keras_internals.graph import takes_training
from keras_extras.keras_internals.layer_tree import own_seed_generators
from keras_extras.keras_internals.layer_tree import paths_of_layers
from keras_extras.keras_internals.read_scope import ReadScope
from keras_extras.keras_internals.stock import trains_with_keras_own_step
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.batch_tensor import BatchTensor
from keras_extras.records.forward_facts import ForwardFacts

_ROWS = 8
_MOST_WEIGHTS = 30_000_000  # a call of a larger model takes long


def forward_facts(
    model: Any, batches: Sequence[BatchRows], arrays: FitArrays | None
) -> ForwardFacts:
    """Returns what calls of a model on a few rows show; nothing of it is written.

    Args:
        model: The model.
        batches: A few rows of batches, for their shapes and types.
        arrays: The data of the `fit`, if it was given arrays.
    """
    facts = ForwardFacts(copies=_keeps_positions(model))
    if load_backend().replicas(model) != 1 or model.count_params() > _MOST_WEIGHTS:
        return facts
    facts = dataclasses.replace(facts, compared=shapes_broadcast(model, batches))
    with contextlib.suppress(Exception):  # a layer of one's own may answer oddly
        facts = dataclasses.replace(facts, fresh=fresh_frozen_layers(model))
    inputs = _inputs(batches, arrays)
    if inputs is None:
        return facts
    scope = ReadScope()
    layers = ConstantLayers(model)
    try:
        found = _evaluate(model, inputs, _targets(batches, arrays), scope, layers)
    except Exception:  # it may need batches of one size, or arguments of its own
        return facts
    return dataclasses.replace(facts, **_as_facts(model, scope, found, layers))


def _targets(batches: Sequence[BatchRows], arrays: FitArrays | None) -> Any | None:
    """Returns the targets of the rows that `_inputs` returns, if they are one array."""
    if arrays is not None:
        leaves = keras.tree.flatten(arrays.y)
        return leaves[0][:_ROWS] if len(leaves) == 1 and arrays.y is not None else None
    if len(batches[0].targets) != 1:
        return None
    return whole_rows(batches[0].targets[0], _ROWS)


def _inputs(batches: Sequence[BatchRows], arrays: FitArrays | None) -> Any | None:
    """Returns the inputs of a few rows; `None` if they are not known as a whole."""
    if arrays is not None:
        inputs = keras.tree.map_structure(lambda leaf: leaf[:_ROWS], arrays.x)
        leaves = keras.tree.flatten(inputs)
        numbers = all(leaf.dtype.kind in "fiub" for leaf in leaves)
        return inputs if numbers and len(leaves[0]) > 1 else None
    if not batches or len(batches[0].inputs) != 1:
        return None
    return whole_rows(batches[0].inputs[0], _ROWS)


def whole_rows(tensor: BatchTensor, most: int) -> np.ndarray | None:
    """Returns rows in the shape and type that they had; `None` if a part is lost."""
    values, shape = tensor.values[:most], tensor.shape
    features, unknown = values.shape[1], [n for n in shape if n is None]
    known = math.prod(n for n in shape if n is not None)
    if len(values) < 2 or len(unknown) > 1 or features >= 1024 or not known:
        return None
    if features % known or (not unknown and features != known):
        return None
    sizes = [features // known if n is None else n for n in shape]
    return values.reshape(len(values), *sizes).astype(tensor.dtype)


def _evaluate(
    model: Any,
    inputs: Any,
    targets: np.ndarray | None,
    scope: ReadScope,
    layers: ConstantLayers,
) -> dict[str, list[np.ndarray]]:
    """Returns predictions of rows: twice, of the first alone, and of changed ones."""
    floats = keras.config.floatx()
    leaves = [
        leaf.astype(floats) if leaf.dtype.kind == "f" else np.asarray(leaf)
        for leaf in keras.tree.flatten(inputs)
    ]
    training = {"training": False} if takes_training(model) else {}
    changed = later_changed(leaves[0], targets) if len(leaves) == 1 else None
    table = padded_table(model, leaves[0]) if len(leaves) == 1 else None
    numbers: dict[str, int] = {}

    def call(tensors: Sequence[Any]) -> list[Any]:
        packed = keras.tree.pack_sequence_as(inputs, tensors)
        outputs = keras.tree.flatten(model(packed, **training))
        return [
            keras.ops.cast(output, "float32")
            for output in outputs
            if len(output.shape) and output.shape[0] is not None
        ]

    def function(*tensors: Any) -> list[Any]:
        given, other = tensors[: len(leaves)], tensors[len(leaves) :]
        with scope:
            with layers.watched():
                found = {"first": call(given)}
            found["spreads"] = layers.spreads()
            found["second"] = call(given)
            found["alone"] = call([tensor[:1] for tensor in given])
            if other:
                found["later"] = call(other)
            if table is not None:  # last, for from here on another value is read
                scope.add_update((table.embeddings, with_another_padding(table)))
                found["padding"] = call(given)
        numbers.update({name: len(values) for name, values in found.items()})
        return [value for values in found.values() for value in values]

    arrays = leaves if changed is None else [*leaves, changed]
    values = iter(load_dry_inference()(model, function, arrays))
    return {
        name: [next(values) for _ in range(number)] for name, number in numbers.items()
    }


def _as_facts(
    model: Any,
    scope: ReadScope,
    found: Mapping[str, Sequence[np.ndarray]],
    layers: ConstantLayers,
) -> dict[str, Any]:
    first, alone, later = found["first"], found["alone"], found.get("later", [])
    owned = {id(v) for v in model.variables}
    read = [v for v in scope.read.values() if v.trainable]
    drawing = [
        path
        for path, layer in paths_of_layers(model)
        if any(id(g.state) in scope.written for g in own_seed_generators(layer))
    ]
    return {
        "unowned": tuple(v.path for v in read if id(v) not in owned),
        "trainable_read": frozenset(v.path for v in read),
        "drawn_by": tuple(drawing),
        "drawn_on_purpose": _has_terms_of_its_own(model)
        # On torch a layer without a seed draws from torch itself, which tells no layer.
        or any(_is_ours(layer) for _, layer in paths_of_layers(model)),
        "varies": _difference(first, found["second"]),
        "depends": _difference([each[:1] for each in first], alone),
        "looks_ahead": _difference(*(_first_halves(e, later) for e in (first, later))),
        "padding": _difference(first, found.get("padding", [])),
        "constant": layers.found(found["spreads"], _is_one(first)),
        "moving": read_moving_statistics(model, scope),
    }


def _first_halves(
    predictions: Sequence[np.ndarray], later: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Returns the first half of the positions, of sequences; none without others."""
    return [first_half(p, p.shape[1]) for p in predictions if later and p.ndim > 2]


def _is_one(predictions: Sequence[np.ndarray]) -> bool:
    """Returns whether all rows got the same prediction."""
    return bool(predictions) and all(
        np.isfinite(each).all()
        and np.ptp(each, axis=0).max(initial=0.0) <= 1e-6 * np.abs(each).max(initial=0)
        for each in predictions
    )


def _difference(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    worst = 0.0
    for one, other in zip(some, others):
        if one.shape != other.shape or not one.size:
            continue
        size = float(np.max(np.abs(one)))
        if np.isfinite(one).all() and np.isfinite(other).all() and size > 0.0:
            worst = max(worst, float(np.max(np.abs(one - other))) / size)
    return worst


def _has_terms_of_its_own(model: Any) -> bool:
    """Returns whether a variational model may want the random numbers."""
    own_loss = type(model).compute_loss is not keras.Model.compute_loss
    regularizers = sum(
        getattr(layer, "kernel_regularizer", None) is not None
        for _, layer in paths_of_layers(model)
    )
    added = len(model.losses) > regularizers
    return own_loss or added or not trains_with_keras_own_step(model)


def _is_ours(layer: Any) -> bool:
    modules = [base.__module__ for base in type(layer).__mro__]
    return any(module.startswith("keras_extras.") for module in modules)


def _keeps_positions(model: Any) -> bool:
    """Returns whether a graph is known in which no layer gives up a sequence's axis."""
    graph = graph_of(model)
    if graph is None or len(keras.tree.flatten(graph.inputs)) != 1:
        return False
    length = keras.tree.flatten(graph.inputs)[0].shape[1:2]
    nodes = [node for nodes in nodes_by_depth(graph).values() for node in nodes]
    tensors = [t for node in nodes for t in keras.tree.flatten(node.output_tensors)]
    return all(len(t.shape) > 1 and tuple(t.shape[1:2]) == length for t in tensors)
