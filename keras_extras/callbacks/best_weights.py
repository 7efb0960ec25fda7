from __future__ import annotations

import os
from typing import Any

import numpy as np

from keras_extras.callbacks.state_beside_backup import StateBesideBackup


class BestWeights:
    """Keeps the weights of the best moment so far, beside a backup too if there is one.

    Args:
        state: Says where a backup is.
    """

    def __init__(self, state: StateBesideBackup) -> None:
        self._state = state
        self._weights: list[np.ndarray] | None = None

    def keep(self, model: Any) -> None:
        """Takes the weights that the model has."""
        self._weights = [np.array(weight) for weight in model.weights]
        path = self._state.path("npz")
        if path is not None:
            np.savez(path, *self._weights)

    def load(self) -> None:
        """Takes those that the training kept which was killed."""
        path = self._state.path("npz")
        if path is not None and os.path.exists(path):
            with np.load(path) as arrays:
                self._weights = [arrays[name] for name in arrays.files]

    def put_back(self, model: Any) -> None:
        """Gives them to the model, if any were kept."""
        for weight, value in zip(model.weights, self._weights or ()):
            weight.assign(value)
