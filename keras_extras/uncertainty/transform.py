"""Transforms a model's outputs before their statistics are taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import TypeAlias

import keras
from keras import ops

Activation: TypeAlias = Any  # a name, a function, None, or a structure of them


def make_transform(
    activation: Activation, variance: str | None
) -> Callable[[Any], list[Any]]:
    """Returns a function from a model's outputs to the flat list of those to use.

    Raises:
        ValueError: If Keras does not know an activation.
    """
    functions = [keras.activations.get(a) for a in keras.tree.flatten(activation)]

    def transform(outputs: Any) -> list[Any]:
        flat = keras.tree.flatten(outputs)
        chosen = functions * len(flat) if len(functions) == 1 else functions
        if len(chosen) != len(flat):
            raise ValueError(
                "`activation` must be one activation, or one for each output of the "
                f"model, of which there are {len(flat)}. "
                f"Received: activation={activation!r}"
            )
        flat = [function(output) for function, output in zip(chosen, flat)]
        return [_with_variance(output, variance) for output in flat]

    return transform


def key_of_activation(activation: Activation) -> Any:
    """Returns what tells one `activation` from another: it can be hashed."""
    names = str(keras.tree.map_structure(lambda _: 0, activation))
    return names, tuple(keras.tree.flatten(activation))


def _with_variance(output: Any, variance: str | None) -> Any:
    if variance is None:
        return output
    if len(output.shape) < 2 or (output.shape[-1] or 1) % 2:
        raise ValueError(
            "`variance` needs outputs whose last axis has an even size: means, then "
            f"variances. Received: variance={variance!r}, output of shape "
            f"{tuple(output.shape)}"
        )
    if variance == "variance":
        return output
    mean, logarithm = ops.split(output, 2, axis=-1)
    return ops.concatenate([mean, ops.exp(logarithm)], axis=-1)
