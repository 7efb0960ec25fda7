"""What `keras.optimizers.ScheduleFreeAdamW` keeps, and the average that it stands for.

A model trains at y = (1 - beta_1) * z + beta_1 * x. The optimizer keeps z, under the
name `momentum`; x, the average of all z, is kept by nobody.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.layer_tree import unique


def schedule_free_parts(model: Any) -> list[Any]:
    """Returns the schedule-free optimizers that do the work in a model."""
    optimizers = [each for each in hyperparameters.optimizers_of(model) if each]
    parts = [part for each in optimizers for part in hyperparameters.parts(each)]
    kind = keras.optimizers.ScheduleFreeAdamW
    return [part for part in unique(parts) if isinstance(part, kind)]


def trained_by(optimizer: Any) -> list[tuple[Any, Any]]:
    """Returns the variables that an optimizer trains, each with its z."""
    if not optimizer.built:
        return []
    both = zip(optimizer._trainable_variables, optimizer._momentums)
    return [(variable, momentum) for variable, momentum in both if momentum is not None]


def average_of(optimizer: Any, variable: Any, momentum: Any) -> np.ndarray:
    """Returns x of a variable, which has the value y just now."""
    beta = float(optimizer.beta_1)
    y, z = (_as_double(each) for each in (variable, momentum))
    return (y - (1.0 - beta) * z) / beta


def start_is_lost(optimizer: Any) -> bool:
    """Returns whether z will begin at zero, not at the weights.

    On TensorFlow the value that `build` gives it is lost where `fit` calls `build`: in
    the first of two traces of the train function, the one that is dropped.
    """
    starts_itself = type(optimizer).update_step is not _update_of_keras()
    on_tensorflow = keras.backend.backend() == "tensorflow"
    return on_tensorflow and not optimizer.built and not starts_itself


def _update_of_keras() -> Any:
    return keras.optimizers.ScheduleFreeAdamW.update_step


def _as_double(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable)).astype(np.float64)
