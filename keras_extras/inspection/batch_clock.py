from __future__ import annotations

import time


class BatchClock:
    """Measures how long batches take, and counts those that nobody wants to look at.

    Attributes:
        idle: Number of batches to come in which nothing is to be done.
        batches: Number of batches since the time was taken.
        seconds: How long each of these took; 0 if that is not known.
    """

    def __init__(self) -> None:
        self.idle = self.batches = 0
        self.seconds = 0.0
        self._began = 0.0

    def tick(self) -> int:
        """Takes the time, and returns the number of batches since the last time."""
        now, batches = time.perf_counter(), self.batches
        known = self._began and batches
        self.seconds = (now - self._began) / batches if known else 0.0
        self._began, self.batches = now, 0
        return batches

    def restart(self) -> None:
        """Leaves out the batches so far: one of them was sampled."""
        self._began, self.batches = time.perf_counter(), 0
