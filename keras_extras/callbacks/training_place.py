from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class TrainingPlace:
    """Where a training is, in batches, and how many of them came to nothing.

    A batch comes to nothing if its update is skipped, as `LossScaleOptimizer` does, or
    taken back, as `RecoverFromNaN` does. To read what an optimizer has counted waits
    for the device, so it is done when an epoch begins, after a recovery, and whenever
    only half as many batches are left as at the last time.
    """

    expected: int  # what it would have counted when this epoch began, with none lost
    steps: int | None  # batches of an epoch
    last: int | None  # what it would have counted at the end of the training
    at_once: int = 1  # batches of an execution
    batch: int = 0
    lost: int = 0
    next_look: float = math.inf  # batches left by then
    recoveries: int = 0

    def count(self, batch: int) -> int:
        """Returns what the optimizer has counted before a batch, as far as known."""
        return self.expected + batch - self.lost

    def begin_epoch(self, counted: int) -> None:
        """Takes over what an optimizer has counted when an epoch begins."""
        if self.steps is None:
            self.expected = counted + self.lost
        else:
            self.expected += self.steps
        self.look(0, counted)

    def look(self, batch: int, counted: int) -> None:
        """Takes over what an optimizer has counted before a batch."""
        self.batch, self.lost = batch, self.expected + batch - counted

    def is_due(self, left: float, recoveries: int) -> bool:
        """Returns whether to look now.

        Args:
            left: Batches until the end.
            recoveries: How often the training went back until now.
        """
        went_back, self.recoveries = recoveries != self.recoveries, recoveries
        is_first = self.next_look == math.inf
        if not went_back and left > self.at_once and left > self.next_look:
            return False
        self.next_look = left / 2
        return went_back or not is_first or left <= self.at_once
