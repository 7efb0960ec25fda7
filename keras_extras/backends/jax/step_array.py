from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras

from keras_extras.backends.compares_as import ComparesAs


class StepArray(ComparesAs):
    """An array with the value of an update, which compares as what was set.

    JAX takes an instance of a class that is derived from `float` for the number that
    it was made with, in most places; so this is none.

    Args:
        array: The value, a tracer in a trace.
        base: What the user set.
    """

    def __init__(self, array: Any, base: float) -> None:
        self.array = array
        self.base = base

    @property
    def dtype(self) -> Any:
        """Type of the array."""
        return self.array.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.array.shape

    def __jax_array__(self) -> Any:
        return self.array

    def __float__(self) -> float:
        return float(self.base)

    def __neg__(self) -> Any:
        return -self.array


def _binary(name: str, swapped: bool) -> Callable[[StepArray, Any], Any]:
    def operation(self: StepArray, other: Any) -> Any:
        function = getattr(keras.ops, name)
        return function(other, self.array) if swapped else function(self.array, other)

    return operation


for _symbol, _name in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "pow": "power",
}.items():
    setattr(StepArray, f"__{_symbol}__", _binary(_name, swapped=False))
    setattr(StepArray, f"__r{_symbol}__", _binary(_name, swapped=True))

# For those functions of JAX that are compiled as a whole: they take what they know.
jax.tree_util.register_pytree_node(
    StepArray,
    lambda step: ((step.array,), step.base),
    lambda base, arrays: StepArray(arrays[0], base),
)
