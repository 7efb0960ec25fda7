"""Calls a model beside its training; what that writes in place is put back."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import torch

from keras_extras.backends.contract import CannotInspectError
from keras_extras.backends.torch.side_effects import SideEffects
from keras_extras.keras_internals.dry_scope import losses_kept
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.keras_internals.snapshot import random_state_kept_beside
from keras_extras.keras_internals.stock import is_stock


def run_dry(
    model: Any, function: Callable[..., list[Any]], arrays: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Implements `keras_extras.backends.load_dry_inference.DryInference`."""
    layers = sublayers(model)
    with random_state_kept_beside(model), losses_kept(layers), torch.no_grad():
        tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
        if is_stock(model):
            return [keras.ops.convert_to_numpy(each) for each in function(*tensors)]
        effects = SideEffects(model, layers)
        try:
            found = [keras.ops.convert_to_numpy(each) for each in function(*tensors)]
        finally:
            written = effects.undo()
    if written is not None:
        raise CannotInspectError(f"a call writes to the variable {written!r} in place")
    return found
