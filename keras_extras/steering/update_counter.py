from __future__ import annotations

from typing import Any

import keras

from keras_extras.backends.load_steering import load_steering
from keras_extras.keras_internals import hyperparameters


class UpdateCounter:
    """Counts the updates of an optimizer, in the same tensor for all who ask.

    Args:
        optimizer: The Keras optimizer, none that wraps others.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._batches = batches = hyperparameters.raw_iterations(optimizer)
        self._now = load_steering().once_per_update(
            batches, lambda: self._updates(batches)
        )

    def updates_at(self, batches: Any) -> Any:
        """Returns how many updates a number of batches makes."""
        if batches is self._batches:
            return self._now()
        return self._updates(batches)

    def forget(self) -> None:
        """Lets go of the last trace."""
        self._now.forget()

    def _updates(self, batches: Any) -> Any:
        # A variable passes for a tensor, yet is another number a step later.
        batches = keras.ops.copy(batches)
        each = self._optimizer.gradient_accumulation_steps
        return keras.ops.floor_divide(batches, each) if each else batches
