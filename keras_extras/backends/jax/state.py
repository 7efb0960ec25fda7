"""The values of variables that hold none themselves: those of JAX in mid-epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_extras.keras_internals.stock import optimizers_within

_PARTS = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


class Values(keras.StatelessScope):
    """Lets variables have other values, by their ids, as long as it is entered.

    A variable without one has its own; Keras' scope has `None` for some readers.
    """

    def __init__(self, values: dict[int, Any]) -> None:
        super().__init__(initialize_variables=False)
        self.state_mapping = values

    def get_current_value(self, variable: Any) -> Any:
        return self.state_mapping.get(id(variable), variable._value)


def values_by_variable(model: Any, state: Any) -> dict[int, Any]:
    """Returns the values in a state, by the ids of their variables."""
    variables = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    return {
        id(variable): value
        for some, values in zip(variables, state)
        for variable, value in zip(some, values)
    }


def present_state(model: Any) -> Any:
    """Returns the state between two batches; `None` if the variables have it."""
    held = getattr(model, "_jax_state", None)
    if not held or model._jax_state_synced:
        return None
    return tuple(held.get(part) or [] for part in _PARTS)


def state_of_variables(model: Any) -> Any:
    """Returns the state that the variables have, after they were given it."""
    model.jax_state_sync()
    return model._get_jax_state(**dict.fromkeys(_PARTS, True))


def value_of(variable: Any) -> Any:
    """Returns the value of a variable here and now; `None` if it is lost."""
    try:
        value = variable.value
    except TypeError:  # it has none, nor an initializer
        return None
    # A step that failed may have taken the memory.
    return None if getattr(value, "is_deleted", bool)() else value


def all_variables(model: Any) -> list[Any]:
    """Returns all variables of a training, each once."""
    variables = [
        *model.variables,
        *model.metrics_variables,
        *(v for each in optimizers_within(model) for v in each.variables),
    ]
    return list({id(variable): variable for variable in variables}.values())


@contextmanager
def variables_kept(model: Any) -> Iterator[None]:
    """Puts back what variables hold: a step of the user's own may write a tracer."""
    kept = [(variable, variable._value) for variable in all_variables(model)]
    try:
        yield
    finally:
        for variable, value in kept:
            if variable._value is not value:
                variable._value = value
