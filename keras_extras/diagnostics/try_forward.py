"""Calls a model on a few rows, beside its training, to see what calls depend on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras.backends.load import load_backend
from keras_extras.backends.load_dry_inference import load_dry_inference
from keras_extras.diagnostics.loss_shapes import shapes_broadcast
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
    inputs = _inputs(batches, arrays)
    if inputs is None:
        return facts
    scope = ReadScope()
    try:
        found = _evaluate(model, inputs, scope)
    except Exception:  # it may need batches of one size, or arguments of its own
        return facts
    return dataclasses.replace(facts, **_as_facts(model, scope, found))


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


def _evaluate(model: Any, inputs: Any, scope: ReadScope) -> list[np.ndarray]:
    """Returns the predictions of rows, twice, and those of the first row alone."""
    floats = keras.config.floatx()
    leaves = [
        leaf.astype(floats) if leaf.dtype.kind == "f" else np.asarray(leaf)
        for leaf in keras.tree.flatten(inputs)
    ]
    training = {"training": False} if takes_training(model) else {}

    def call(tensors: Sequence[Any]) -> list[Any]:
        packed = keras.tree.pack_sequence_as(inputs, tensors)
        outputs = keras.tree.flatten(model(packed, **training))
        return [
            keras.ops.cast(output, "float32")
            for output in outputs
            if len(output.shape) and output.shape[0] is not None
        ]

    def function(*tensors: Any) -> list[Any]:
        with scope:
            again = [call(tensors) for _ in range(2)]
            return [*again[0], *again[1], *call([tensor[:1] for tensor in tensors])]

    return load_dry_inference()(model, function, leaves)


def _as_facts(
    model: Any, scope: ReadScope, found: Sequence[np.ndarray]
) -> dict[str, Any]:
    third = len(found) // 3
    first, second, alone = found[:third], found[third : 2 * third], found[2 * third :]
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
        "varies": _difference(first, second),
        "depends": _difference([each[:1] for each in first], alone),
    }


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
