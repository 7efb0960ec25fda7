"""All that a layer holds beside its configuration, copied to another layer."""

from __future__ import annotations

import tempfile
from typing import Any

import keras

from keras_extras.keras_internals.layer_tree import own_weights


def copy_state(layer: Any, other: Any) -> None:
    """Gives a layer of the same kind the weights, assets and adapted state of one.

    What `Layer.save` writes and `load` reads: tables of a lookup, statistics that
    were adapted, weights that are quantised or have LoRA.

    Args:
        layer: A layer, whose sublayers are not copied with it.
        other: What to give it to.
    """
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    # Arrays, as those of a file are: on torch variables make NumPy warn.
    store = {key: keras.ops.convert_to_numpy(value) for key, value in store.items()}
    if store or own_weights(layer):
        other.load_own_variables(store)
    if hasattr(layer, "save_assets") and hasattr(other, "load_assets"):
        with tempfile.TemporaryDirectory() as folder:
            layer.save_assets(folder)
            other.load_assets(folder)
