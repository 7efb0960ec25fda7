"""Makes the variables that `fit` would make on its way."""

from __future__ import annotations

from typing import Any

import keras


def is_built(model: Any) -> bool:
    """Whether all layers of `model` have their variables."""
    return all(layer.built for layer in model._flatten_layers())


def build_optimizer(optimizer: Any, variables: list[Any]) -> None:
    """Makes the variables of `optimizer` for those of a model, as Keras names them."""
    if not optimizer.built:
        with keras.name_scope(optimizer.name, caller=optimizer):
            optimizer.build(variables)
