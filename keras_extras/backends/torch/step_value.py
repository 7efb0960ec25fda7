from __future__ import annotations

from keras_extras.backends.compares_as import ComparesAs


class StepValue(ComparesAs, float):
    """A plain number with the value of an update, which compares as what was set.

    Args:
        value: The value.
        base: What the user set.
    """

    def __new__(cls, value: float, base: float) -> StepValue:
        number = super().__new__(cls, value)
        number.base = base
        return number

    @property
    def dtype(self) -> type:
        """The type of a plain number, by which Keras lets that of a tensor win."""
        return float
