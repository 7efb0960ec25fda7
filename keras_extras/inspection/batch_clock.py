from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from keras_extras.inspection.step_counter import StepCounter

# How long nothing is looked at, at most: a callback may have something to do by then.
_LONGEST_SLEEP = 0.1  # seconds


class BatchClock:
    """Measures how long batches take, and plans which ones nobody wants to look at.

    Attributes:
        batches: Number of batches since the time was taken.
        seconds: How long each of these took; 0 if that is not known.
    """

    def __init__(self) -> None:
        self.batches = 0
        self.seconds = 0.0
        self._began = 0.0
        self._planned = 0
        self._asleep_from = self._asleep_for = 0

    def plan(self, rests: Sequence[int]) -> None:
        """Plans to sleep for as many batches as all may rest, once this has trained."""
        longest = int(_LONGEST_SLEEP / self.seconds) if self.seconds else 0
        self._planned = max(min(*rests, longest), 0)

    def sleep(self, counter: StepCounter, leader: Any) -> None:
        """Begins the batches in which nothing is to be done but to count them.

        Args:
            counter: What counts them.
            leader: The one of those who are told of each batch that counts it.
        """
        self._asleep_from, self._asleep_for = counter.batches, self._planned
        counter.sleeps_until = counter.batches + self._planned
        counter.counted_by = leader
        self._planned = 0

    def wake(self, counter: StepCounter) -> None:
        """Has the next batch looked at, whatever was planned."""
        counter.sleeps_until = self._planned = 0

    def tick(self, counter: StepCounter) -> int:
        """Takes the time, and returns the number of batches since the last time."""
        slept = min(max(counter.batches - self._asleep_from, 0), self._asleep_for)
        now, batches = time.perf_counter(), self.batches + slept
        known = self._began and batches
        self.seconds = (now - self._began) / batches if known else 0.0
        self._began, self.batches, self._asleep_for = now, 0, 0
        return batches

    def restart(self) -> None:
        """Leaves out the batches so far: one of them was sampled."""
        self._began, self.batches = time.perf_counter(), 0
