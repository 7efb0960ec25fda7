from __future__ import annotations

import math
import os
import tempfile
from typing import Any

import numpy as np

from keras_extras.keras_internals.hyperparameters import optimizers_of
from keras_extras.keras_internals.layer_tree import unique


class GoodState:
    """One copy of all that a step changes, from when it was finite.

    Args:
        model: The model, whose variables are there.
        directory: Path of a directory to keep the copy in, or `None` for the memory.
    """

    def __init__(self, model: Any, directory: str | None) -> None:
        self._model = model
        self._directory = directory
        self._path: str | None = None
        self._variables: list[Any] = []
        self._values: list[np.ndarray] | None = None
        self._epoch = -1

    def take(self, epoch: int) -> bool:
        """Copies the state, if all of it is finite; returns whether it is."""
        state = self._state()
        values = [np.array(variable) for variable in state]
        if not all(map(_is_finite, values)):
            return False
        self._variables, self._epoch = [*state, *self._metrics()], epoch
        values.extend(np.array(variable) for variable in self._metrics())
        if self._directory is None:
            self._values = values
        else:
            self._write(values)
        return True

    def put_back(self, epoch: int) -> None:
        """Gives all variables the values of the copy.

        Metrics begin anew in each epoch: those of another are of no use.
        """
        values = self._read()
        for variable, value in zip(self._variables, values):
            variable.assign(value)
        if epoch != self._epoch:
            for metric in self._model.metrics:
                metric.reset_state()

    def forget(self) -> None:
        """Removes the copy."""
        self._values, self._variables = None, []
        if self._path is not None and os.path.exists(self._path):
            os.remove(self._path)
        self._path = None

    def _state(self) -> list[Any]:
        optimizers = optimizers_of(self._model)
        return unique(
            [*self._model.variables, *(v for o in optimizers for v in o.variables)]
        )

    def _metrics(self) -> list[Any]:
        return list(self._model.metrics_variables)

    def _write(self, values: list[np.ndarray]) -> None:
        assert self._directory is not None
        os.makedirs(self._directory, exist_ok=True)
        # Under another name first: a copy that is cut short is none.
        handle, new = tempfile.mkstemp(suffix=".npz", dir=self._directory)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, *values)
        if self._path is None:
            self._path = new
        else:
            os.replace(new, self._path)

    def _read(self) -> list[np.ndarray]:
        if self._path is None:
            return self._values or []
        with np.load(self._path) as arrays:
            return [arrays[name] for name in arrays.files]


def _is_finite(value: np.ndarray) -> bool:
    if value.dtype.kind in "iub":
        return True
    if value.dtype.kind != "f":  # bfloat16, which NumPy does not know
        value = value.astype(np.float32)
    return bool(np.isfinite(value).all())


def is_broken(logs: Any) -> bool:
    """Returns whether the loss of a batch, or the mean with it, is not finite."""
    return not math.isfinite(float((logs or {}).get("loss", 0.0)))
