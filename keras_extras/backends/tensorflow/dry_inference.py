"""Calls a model beside its training: eagerly, or as a graph that was looked through."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_extras.backends.contract import CannotInspectError
from keras_extras.backends.tensorflow import packing
from keras_extras.backends.tensorflow.purity import side_effect
from keras_extras.keras_internals.dry_scope import losses_kept
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.keras_internals.snapshot import random_state_kept_beside
from keras_extras.keras_internals.stock import is_stock


def run_dry(
    model: Any, function: Callable[..., list[Any]], arrays: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Implements `keras_extras.backends.load_dry_inference.DryInference`."""
    with random_state_kept_beside(model), losses_kept(sublayers(model)):
        tensors = [tf.convert_to_tensor(array) for array in arrays]
        if is_stock(model):
            return [packing.to_numpy(tensor) for tensor in function(*tensors)]
        traced = tf.function(function, autograph=False)
        concrete = traced.get_concrete_function(*tensors)
        effect = side_effect(concrete.graph)
        if effect is not None:
            raise CannotInspectError(f"a call has a side effect, {effect}")
        return [packing.to_numpy(tensor) for tensor in concrete(*tensors)]
