from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Plateau:
    """The least loss so far, and for how many looks there was none below it."""

    best: float = math.inf
    waited: int = 0
    cooling: int = 0  # looks in which patience is not counted

    def look(self, loss: float, min_delta: float) -> None:
        """Compares a loss with the least one."""
        self.cooling = max(self.cooling - 1, 0)
        if loss < self.best - min_delta:
            self.best, self.waited = loss, 0
        elif self.cooling == 0:
            self.waited += 1

    def start_over(self, cooldown: int) -> None:
        """Counts anew, after so many looks."""
        self.waited, self.cooling = 0, cooldown
