"""Spaces the events of a long training."""

from __future__ import annotations


class Spacing:
    """Chooses steps to write at, so that a log grows slowly, whatever is in it.

    The first ones are all written. After them as many bytes per step may be, as
    `rate + base / step`: about `base` in each stretch in which the training becomes
    e times as long, and `rate` in each step. A step is also written when the training
    is twice as long as at the last one.

    Args:
        first: Integer, how many to write at once.
        base: Float, bytes.
        rate: Float, bytes per step.
    """

    def __init__(self, first: int, base: float, rate: float) -> None:
        self._first = first
        self._base = base
        self._rate = rate
        self._last: int | None = None
        self._bytes = 0

    def is_due(self, step: int) -> bool:
        """Returns whether to write at `step`."""
        if self._first > 0 or self._last is None:
            return True
        room = self._rate + self._base / max(step, 1)
        passed = step - self._last
        if passed < 0:  # a training that begins anew
            return True
        return passed >= min(self._bytes / room, self._last)

    def wrote(self, step: int, size: int) -> None:
        """Takes note of what was written at `step`: so many bytes."""
        self._first -= 1
        self._last = step
        self._bytes = size
