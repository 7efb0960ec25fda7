from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np

from keras_extras.backends.jax.program import compile_options
from keras_extras.backends.jax.state import Values
from keras_extras.backends.jax.state import value_of


class CompiledFunction:
    """Compiles a function of whole numbers that may read variables.

    Op by op, JAX would compile each of its operations.

    Args:
        function: The function; it returns a tensor.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._variables: list[Any] = []
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *numbers: int) -> np.ndarray:
        if self._compiled is None:
            self._compiled = self._compile(numbers)
        values = [value_of(variable) for variable in self._variables]
        return np.asarray(self._compiled(numbers, values))

    def _compile(self, numbers: tuple[int, ...]) -> Callable[..., Any]:
        with _ReadVariables() as read:
            jax.eval_shape(self._function, *numbers)
        self._variables = variables = list(read.variables.values())

        def call(numbers: Any, values: Any) -> Any:
            with Values({id(v): value for v, value in zip(variables, values)}):
                return self._function(*numbers)

        return jax.jit(call, compiler_options=compile_options())


class _ReadVariables(keras.StatelessScope):
    """Notes which variables are read."""

    def __init__(self) -> None:
        super().__init__(initialize_variables=False)
        self.variables: dict[int, Any] = {}

    def get_current_value(self, variable: Any) -> Any:
        self.variables[id(variable)] = variable
        if self.original_scope is None:
            return variable._value
        return self.original_scope.get_current_value(variable)
