"""Links the layers of Functional models, those of nested ones with those around."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.keras_internals.graph import graph_of
from keras_extras.keras_internals.graph import nodes_by_depth
from keras_extras.keras_internals.graph import operation_of


def links_of(model: Any) -> dict[int, list[Any]]:
    """Returns for each layer of known graphs those that feed it.

    The layers of a nested functional model are linked with those around it.
    """
    found: dict[int, list[Any]] = {}
    for op, parents in _edges(model, []):
        known = found.setdefault(id(op), [])
        known += [p for p in parents if not any(p is k for k in known)]
    return found


def _edges(model: Any, outside: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
    graph = graph_of(model)
    if graph is None:
        return
    for nodes in nodes_by_depth(graph).values():
        for node in nodes:
            op = node.operation
            if isinstance(op, keras.layers.InputLayer):
                continue
            parents = [
                end
                for parent in node.parent_nodes
                for end in ends_of(parent.operation, outside)
            ]
            if graph_of(op) is not None:
                yield from _edges(op, parents)
            else:
                yield op, parents


def ends_of(op: Any, outside: list[Any]) -> list[Any]:
    """Returns the layers whose output is that of `op`: inner ones of a model."""
    if isinstance(op, keras.layers.InputLayer):
        return outside
    graph = graph_of(op)
    if graph is None:
        return [op]
    tensors = keras.tree.flatten(graph.outputs)
    return [e for t in tensors for e in ends_of(operation_of(t), outside)]
