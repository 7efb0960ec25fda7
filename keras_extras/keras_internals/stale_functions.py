from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any

import keras

from keras_extras.keras_internals.layer_tree import sublayers


def drop_train_functions(layers: Iterable[Any]) -> None:
    """Has all models with any of these layers compile their training steps anew.

    A step holds the constraints that variables had when it was traced. A model within
    others does not know of them, so they are looked for among all that is alive.

    Args:
        layers: Layers that were changed.
    """
    changed = {id(layer) for layer in layers}
    for thing in gc.get_objects():
        # By the type: `isinstance` would ask proxies, which may do anything.
        if issubclass(type(thing), keras.Model):
            compiled = vars(thing).get("train_function") is not None
            if compiled and any(id(layer) in changed for layer in sublayers(thing)):
                thing.train_function = None
