from __future__ import annotations

from typing import Any


class ComparesAs:
    """Compares as the number that it stands for.

    Optimizers compare a hyperparameter to find out whether to do something at all,
    for which they have made variables or not. A momentum that is 0 for one step, say,
    must still use up what has gathered; and in a trace nothing else can be compared.
    """

    base: float

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
