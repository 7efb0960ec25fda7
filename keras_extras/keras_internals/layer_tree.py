"""The layers of a model, and those among them that a user names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import keras


def sublayers(layer: Any) -> list[Any]:
    """Returns the layer and all within it, cells and attention dropout included."""
    return unique(all_layers(layer))


def all_layers(layer: Any, include_self: bool = True) -> list[Any]:
    """Returns the layers in a layer in Keras' order; shared ones come repeatedly."""
    return layer._flatten_layers(include_self=include_self, recursive=True)


def inner_layers(layer: Any) -> list[Any]:
    """Returns the layers that a layer holds itself, not those within these."""
    return layer._layers


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


def paths_of_layers(model: Any) -> list[tuple[str, Any]]:
    """Returns all layers within a model in model order, each with its path.

    A path is that of the layers around it and its name: `"encoder/dense"`.
    """
    return list(_walk(model, "", set()))


def weighted_layers(layer: Any) -> list[Any]:
    """Returns the layer and those within it that hold weights themselves, in order."""
    candidates = [layer, *(each for _, each in paths_of_layers(layer))]
    return [each for each in candidates if own_weights(each)]


def units_of(model: Any) -> list[Any]:
    """Returns the layers in model order, a layer with others within it as one.

    Models within the model count through their layers, and through themselves where
    they hold weights.
    """
    found = [model] if own_weights(model) else []
    for layer in inner_layers(model):
        if isinstance(layer, keras.Model):
            found += units_of(layer)
        elif weighted_layers(layer):
            found.append(layer)
    return unique(found)


def own_weights(layer: Any) -> list[Any]:
    """Returns the weights that a layer itself holds, none of a layer within it."""
    return [*own_trainable(layer), *own_non_trainable(layer)]


def own_trainable(layer: Any) -> list[Any]:
    """Returns the variables that a layer itself made to be trained, frozen or not."""
    return layer._trainable_variables


def own_non_trainable(layer: Any) -> list[Any]:
    """Returns the variables that a layer itself keeps beside its weights."""
    return layer._non_trainable_variables


def own_seed_generators(layer: Any) -> list[Any]:
    """Returns the generators of random numbers that a layer itself holds."""
    return list(layer._seed_generators)


def matching_layers(model: Any, choice: Any, argument: str) -> list[Any]:
    """Returns the layers of a model that hold weights and that a choice stands for.

    Args:
        model: A Keras model.
        choice: A layer, a layer class, a name, a path or a regular expression that
            fits the whole of either, or a list of these. All within a layer that is
            chosen are chosen too.
        argument: Name of the argument that it comes from, for the error.

    Raises:
        ValueError: If the model does not have one of them, or it has no weights.
    """
    several = isinstance(choice, Iterable) and not isinstance(choice, str)
    found: list[int] = []
    for one in choice if several else [choice]:
        fitting = [x for path, x in paths_of_layers(model) if _fits(one, path, x)]
        weighted = [id(w) for layer in fitting for w in weighted_layers(layer)]
        if not weighted:
            known = ", ".join(
                path for path, layer in paths_of_layers(model) if weighted_layers(layer)
            )
            raise ValueError(
                f"`{argument}` must hold layers of the model that have weights: "
                "layers, classes, names or paths, or regular expressions for these. "
                f"Received: {one!r}. The model has: {known}"
            )
        found += weighted
    return [layer for layer in weighted_layers(model) if id(layer) in found]


def unique(items: Iterable[Any]) -> list[Any]:
    """Returns each object once, in the order in which they come."""
    return list({id(item): item for item in items}.values())


def _matches(layer: Any, choice: Any) -> bool:
    if isinstance(choice, type):
        return isinstance(layer, choice)
    return layer is choice or choice in (layer.name, layer.path)


def _fits(choice: Any, path: str, layer: Any) -> bool:
    if isinstance(choice, str | re.Pattern):
        return any(name == choice or _full(choice, name) for name in (path, layer.name))
    return _matches(layer, choice)


def _full(pattern: str | re.Pattern[str], name: str) -> bool:
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error:  # a name that is no regular expression
        return False


def _walk(parent: Any, prefix: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    for layer in inner_layers(parent):
        if id(layer) not in seen:
            seen.add(id(layer))
            path = f"{prefix}{layer.name}"
            yield path, layer
            yield from _walk(layer, f"{path}/", seen)
