"""Looks for side effects in a traced function before it runs for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Stateful in TensorFlow's books, yet nothing outside of the function changes: reads,
# calls (what they call is looked at too), checks, lists and arrays of the function's
# own, and random operations, whose state belongs to this one function.
_HARMLESS = frozenset(
    {
        "Assert",
        "Case",
        "If",
        "Multinomial",
        "NoOp",
        "ParameterizedTruncatedNormal",
        "PartitionedCall",
        "Placeholder",
        "RandomGamma",
        "RandomPoisson",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "ReadVariableOp",
        "ResourceGather",
        "ResourceGatherNd",
        "StatefulPartitionedCall",
        "StatelessCase",
        "StatelessIf",
        "StatelessWhile",
        "TruncatedNormal",
        "VarHandleOp",
        "VarIsInitializedOp",
        "VariableShape",
        "While",
    }
)
_HARMLESS_BEGINNINGS = (
    "Collective",
    "CudnnRNN",
    "LookupTableFind",
    "LookupTableSize",
    "Nccl",
    "TensorArray",
    "TensorList",
)


def side_effect(graph: Any) -> str | None:
    """Returns what a graph would change, as `OPERATION (NAME)`, or `None`."""
    return next(_side_effects(graph, set()), None)


def _side_effects(graph: Any, seen: set[str]) -> Iterator[str]:
    for operation in graph.get_operations():
        if operation._is_stateful and not _is_harmless(operation.type):
            yield f"{operation.type} ({operation.name})"
    for name, function in graph._functions.items():
        if name not in seen:
            seen.add(name)
            inner = getattr(function, "graph", None)
            if inner is not None:
                yield from _side_effects(inner, seen)
            else:
                yield from _of_definition(function)


def _of_definition(function: Any) -> Iterator[str]:
    """Looks at a function of which TensorFlow keeps the definition only."""
    from tensorflow.python.framework import op_def_registry

    definition = getattr(function, "definition", None) or function.cached_definition
    for node in definition.node_def:
        known = op_def_registry.get(node.op)
        if known is not None and known.is_stateful and not _is_harmless(node.op):
            yield f"{node.op} ({node.name})"


def _is_harmless(kind: str) -> bool:
    return kind in _HARMLESS or kind.startswith(_HARMLESS_BEGINNINGS)
