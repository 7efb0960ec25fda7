"""The layers of a model, and those among them that a user names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def sublayers(layer: Any) -> list[Any]:
    """Returns the layer and all within it, cells and attention dropout included."""
    return unique(layer._flatten_layers(include_self=True, recursive=True))


def named_layers(model: Any, layers: Any) -> list[Any]:
    """Returns the layers of a model that a choice stands for.

    Args:
        model: A Keras model.
        layers: A layer, a name or a layer class, or several of them.

    Raises:
        ValueError: If the model does not have one of them.
    """
    candidates = sublayers(model)
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        layers = [layers]
    found: list[Any] = []
    for choice in layers:
        matching = [layer for layer in candidates if _matches(layer, choice)]
        if not matching:
            raise ValueError(
                "`layers` must hold layers of the model, their names, or layer "
                f"classes that it has. Received: {choice!r}, which is none of "
                f"{[layer.name for layer in candidates[1:]]}"
            )
        found += matching
    return unique(found)


def unique(items: Iterable[Any]) -> list[Any]:
    """Returns each object once, in the order in which they come."""
    return list({id(item): item for item in items}.values())


def _matches(layer: Any, choice: Any) -> bool:
    if isinstance(choice, type):
        return isinstance(layer, choice)
    return layer is choice or choice in (layer.name, layer.path)
