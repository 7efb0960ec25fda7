from __future__ import annotations

from typing import Any


class StepValue(float):
    """A number that acts with its present value and compares as what it stands for.

    Optimizers compare a hyperparameter to find out whether to do something at all,
    for which they have made variables or not: a momentum that is 0 for a step, say,
    must still use up what has gathered.

    Args:
        value: The present value.
        base: What the user set.
    """

    base: float

    def __new__(cls, value: float, base: float) -> StepValue:
        number = super().__new__(cls, value)
        number.base = base
        return number

    def __bool__(self) -> bool:
        return bool(self.base)

    def __eq__(self, other: Any) -> bool:
        return self.base == other

    def __ne__(self, other: Any) -> bool:
        return self.base != other

    def __lt__(self, other: Any) -> bool:
        return self.base < other

    def __le__(self, other: Any) -> bool:
        return self.base <= other

    def __gt__(self, other: Any) -> bool:
        return self.base > other

    def __ge__(self, other: Any) -> bool:
        return self.base >= other

    def __hash__(self) -> int:
        return hash(self.base)
