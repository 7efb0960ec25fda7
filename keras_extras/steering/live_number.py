from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_extras.keras_internals import hyperparameters


class LiveNumber:
    """A number that callbacks change in mid-training; it acts from the next step on.

    It is no variable of the model's, for files would have one more. Where a compiled
    step cannot read variables of others, on JAX, the step has it as an argument.

    Args:
        value: Float, the value at first.
    """

    def __init__(self, value: float) -> None:
        self._variable = keras.Variable(
            value, trainable=False, dtype="float32", name="multiplier"
        )
        self._argument: Any = None
        self._value = hyperparameters.number(self._variable)

    def tensor(self) -> Any:
        """Returns what acts on the step that runs or is traced."""
        return self._variable if self._argument is None else self._argument

    def assign(self, value: float) -> None:
        """Sets another value."""
        self._set(value)

    def multiply(self, factor: float) -> None:
        """Multiplies the value by a factor."""
        self._set(self._variable * factor)

    def _set(self, value: Any) -> None:
        self._variable.assign(value)
        self._value = hyperparameters.number(self._variable)

    def __float__(self) -> float:
        return self._value

    @contextmanager
    def passed_as(self, argument: Any) -> Iterator[None]:
        """Lets `argument` stand for the number within a trace."""
        self._argument = argument
        try:
            yield
        finally:
            self._argument = None
