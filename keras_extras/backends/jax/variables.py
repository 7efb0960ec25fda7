from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keras_extras.backends.jax.arrays import to_numpy
from keras_extras.backends.jax.found import is_floating
from keras_extras.backends.jax.state import Values
from keras_extras.backends.jax.state import all_variables
from keras_extras.backends.jax.state import present_state
from keras_extras.backends.jax.state import value_of
from keras_extras.backends.jax.state import values_by_variable
from keras_extras.keras_internals.stock import optimizers_within


class VariablesKept:
    """Holds copies of the values of all variables of a training, to go back to.

    They are copied because the next step is given the memory. On the CPU that is done
    by NumPy, as JAX would compile a copy for each shape.

    Args:
        model: The model, whose optimizers and metrics are meant too.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        optimizers = optimizers_within(model)
        self._judged = {id(v) for v in model.trainable_variables}
        self._judged |= {id(v) for each in optimizers for v in each.variables}
        state = present_state(model)
        with Values({} if state is None else values_by_variable(model, state)):
            values = [
                (variable, value_of(variable)) for variable in all_variables(model)
            ]
        copy = _copy_on_the_host if jax.default_backend() == "cpu" else jnp.copy
        self._values = [(v, copy(value)) for v, value in values if value is not None]

    def is_finite(self) -> bool:
        """Returns whether all weights and all that optimizers keep are finite."""
        with np.errstate(all="ignore"):
            return all(
                bool(np.isfinite(to_numpy(value).astype(np.float32).sum()))
                for variable, value in self._values
                if id(variable) in self._judged and is_floating(value)
            )

    def restore(self) -> None:
        """Gives every variable its value back; `fit` reads them before it goes on."""
        self._model.jax_state_sync()
        for variable, value in self._values:
            variable.assign(jnp.array(value))  # which nobody else writes to


def _copy_on_the_host(value: Any) -> np.ndarray:
    return np.array(to_numpy(value))
