"""Tells what of a model is Keras' own code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.keras_internals.graph import graph_of

_FUNCTIONS = ("activation", "recurrent_activation")


def trains_with_keras_own_step(model: Any) -> bool:
    """Returns whether a model trains with Keras' own `train_step`."""
    return type(
        model
    ).train_step is keras.Model.train_step and "train_step" not in vars(model)


def is_stock(model: Any) -> bool:
    """Returns whether nothing but Keras' own code runs in a training step.

    Such a step has no side effect but on Keras variables.
    """
    own_loss = type(model).compute_loss is keras.Model.compute_loss
    if not (trains_with_keras_own_step(model) and own_loss):
        return False
    layers = model._flatten_layers(include_self=True, recursive=True)
    losses = keras.tree.flatten(getattr(model, "loss", None))
    return all(_is_stock_layer(layer) for layer in layers) and all(
        loss is None or isinstance(loss, str) or _is_keras(loss) for loss in losses
    )


def optimizers_within(model: Any) -> list[Any]:
    """Returns the optimizers of a model: its compiled one and all it holds."""
    found: dict[int, Any] = {}
    for candidate in _held(model):
        if isinstance(candidate, keras.optimizers.Optimizer):
            found[id(candidate)] = candidate
    return list(found.values())


def works_row_by_row(model: Any) -> bool:
    """Returns whether nothing but Keras' own layers runs, none along the rows.

    Such a model, in inference mode, gives each row of a batch what it would give it
    alone.
    """
    layers = model._flatten_layers(include_self=False, recursive=True)
    own_class = not _is_keras(model) and graph_of(model) is None
    if own_class or not all(map(_works_row_by_row, layers)):
        return False
    graphs = [graph_of(layer) for layer in [model, *layers] if _is_model(layer)]
    return all(
        isinstance(operation, keras.layers.Layer)
        for graph in graphs
        if graph is not None
        for operation in graph.operations
    )


def _is_model(layer: Any) -> bool:
    return isinstance(layer, keras.Model)


def _works_row_by_row(layer: Any) -> bool:
    axis = getattr(layer, "axis", None)
    axes = axis if isinstance(axis, list | tuple) else [axis]
    return _is_stock_layer(layer) and 0 not in axes


def _held(model: Any) -> Iterator[Any]:
    yield getattr(model, "optimizer", None)
    for value in list(vars(model).values()):
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list | tuple):
            yield from value
        else:
            yield value


def _is_stock_layer(layer: Any) -> bool:
    if not _is_keras(layer) or isinstance(layer, keras.layers.Lambda):
        return False
    functions = (getattr(layer, name, None) for name in _FUNCTIONS)
    return all(function is None or _is_keras(function) for function in functions)


def _is_keras(thing: Any) -> bool:
    """Returns whether a function, or the class of an object, is of Keras itself."""
    owner = thing if hasattr(thing, "__name__") else type(thing)
    if getattr(thing, "fn", None) is not None and not _is_keras(thing.fn):
        return False  # a wrapper around a function of somebody else
    module = getattr(owner, "__module__", "") or ""
    return module.split(".")[0] == "keras"
