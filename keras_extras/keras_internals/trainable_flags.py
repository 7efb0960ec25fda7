"""Reads and sets what trains, as Keras' own setters do but for one layer alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_extras.keras_internals.layer_tree import all_layers
from keras_extras.keras_internals.layer_tree import own_trainable


def set_own_flag(layer: Any, flag: bool) -> None:
    """Sets `trainable` of a layer; its setter would set all layers within it too."""
    layer._trainable = flag


def set_own_flags(layer: Any, flags: Sequence[bool]) -> None:
    """Sets `trainable` of a layer, the first flag, and of each of its variables."""
    set_own_flag(layer, flags[0])
    for variable, flag in zip(own_trainable(layer), flags[1:], strict=True):
        variable.trainable = flag


def accept_flags(model: Any) -> None:
    """Makes the flags those with which a model was compiled, as `compile` does."""
    flags = {layer: layer.trainable for layer in all_layers(model)}
    model._compiled_trainable_state = flags
