"""Reads the graphs of Functional and Sequential models."""

from __future__ import annotations

from typing import Any

import keras
from keras.src.backend.common.masking import get_keras_mask
from keras.src.backend.common.masking import set_keras_mask


def graph_of(model: Any) -> Any:
    """Returns the Functional model that knows the graph of `model`, or `None`."""
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if has_graph(model) else None


def functional_of(model: Any) -> Any:
    """Returns the graph of a model that `call` runs as it is, else `None`."""
    if isinstance(model, keras.Sequential):
        plain = type(model).call is keras.Sequential.call
        return model._functional if plain else None
    bases: tuple[Any, ...] = type(model).__mro__
    for base in bases:
        if base.__name__ == "Functional" and base.__module__.startswith("keras."):
            return model if type(model).call is base.call else None
    return None


def has_graph(model: Any) -> bool:
    """Returns whether a model is a Functional one."""
    return hasattr(model, "_nodes_by_depth")


def nodes_by_depth(graph: Any) -> dict[int, list[Any]]:
    """Returns the calls of layers in a graph; the outputs have depth 0."""
    return graph._nodes_by_depth


def operation_of(tensor: Any) -> Any:
    """Returns the layer or operation that a symbolic tensor comes from."""
    return tensor._keras_history.operation


def input_structure(graph: Any) -> Any:
    """Returns the inputs of a graph in the structure that it was made with."""
    return graph._inputs_struct


def is_optional(graph: Any, name: str) -> bool:
    """Returns whether an input of a graph may be left out, as `None`."""
    tensors = [tensor for tensor in graph.inputs if tensor.name == name]
    return any(operation_of(tensor).optional for tensor in tensors)


def output_structure(graph: Any) -> Any:
    """Returns the outputs of a graph in the structure that it was made with."""
    return graph._outputs_struct


def output_names(model: Any) -> list[str]:
    """Returns the names of the outputs of a graph, none of another model."""
    functional = functional_of(model)
    return [] if functional is None else list(functional.output_names)


def output_activations(model: Any) -> list[Any]:
    """Returns the functions that make the outputs of a graph, `None` if unknown."""
    functional = functional_of(model)
    outputs = [] if functional is None else functional.outputs
    return [getattr(operation_of(t), "activation", None) for t in outputs]


def flat_inputs(graph: Any, inputs: Any) -> list[Any]:
    """Returns inputs as the graph takes them: flat, with its types and ranks."""
    return graph._standardize_inputs(inputs)


def takes_training(operation: Any) -> bool:
    """Returns whether a layer's `call` has an argument `training`."""
    return bool(getattr(operation, "_call_has_training_arg", False))


def mask_of(tensor: Any) -> Any | None:
    """Returns the mask that Keras has put on a tensor, if any."""
    return get_keras_mask(tensor)


def set_mask(tensor: Any, mask: Any) -> None:
    """Puts a mask on a tensor, for the layers that it goes to."""
    set_keras_mask(tensor, mask)
