from __future__ import annotations

from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.backends.contract import Backend
from keras_extras.keras_internals import hyperparameters


class HyperparameterReader:
    """Reads the hyperparameters that act on a step, from outside of the step.

    What is a Python number is part of the compiled step, whatever becomes of the
    attribute later; a variable is read, and what is a function of the step, a
    schedule or a value that a scheduler drives, is evaluated at that step.

    Args:
        optimizer: The optimizer, one that wraps others included.
        backend: The backend in use.
        eager: Whether the step is never compiled, so that attributes act at once.
    """

    def __init__(self, optimizer: Any, backend: Backend, eager: bool) -> None:
        self._optimizer = optimizer
        self._backend = backend
        self._eager = eager
        self._constants: dict[str, float] = {}
        self._variables: dict[str, Any] = {}
        self._functions: dict[str, tuple[Any, Any]] = {}
        self._looked_at: tuple[tuple[str, int], ...] | None = None
        self._evaluate = backend.function(self._values_at)

    def at(self, batches: int) -> dict[str, float]:
        """Returns the values that act on the step after as many batches."""
        found = hyperparameters.sources(self._optimizer)
        self._look(found)
        values = dict(self._constants)
        for name, variable in self._variables.items():
            values[name] = self._backend.number(variable)
        if self._functions:
            evaluated = self._evaluate(batches).tolist()
            values.update(zip(self._functions, evaluated))
        return {name: values[name] for name in found}

    def _look(self, found: dict[str, tuple[Any, Any]]) -> None:
        """Sorts the values, again when another object is in the place of one."""
        moving = tuple(
            (name, id(value))
            for name, (value, _) in found.items()
            if type(value) not in (int, float)
        )
        if moving == self._looked_at and not self._eager:
            return
        self._looked_at = moving
        self._constants, self._variables, self._functions = {}, {}, {}
        for name, (value, part) in found.items():
            if type(value) in (int, float):
                self._constants[name] = float(value)
            elif isinstance(value, keras.Variable):
                self._variables[name] = value
            else:
                self._functions[name] = value, part
        self._evaluate = self._backend.function(self._values_at)

    def _values_at(self, batches: Any) -> Any:
        values = [_at(value, part, batches) for value, part in self._functions.values()]
        return keras.ops.stack([keras.ops.cast(v, "float32") for v in values])


def _at(value: Any, part: Any, batches: Any) -> Any:
    batches = keras.ops.cast(batches, hyperparameters.raw_iterations(part).dtype)
    if isinstance(value, LearningRateSchedule):
        return value(batches)
    effective = getattr(value, "effective", None)
    if effective is not None:
        return effective.at(batches)
    return value() if callable(value) else keras.ops.convert_to_tensor(value)
