from __future__ import annotations

from time import monotonic


class TrainingClock:
    """Tells how long steps take, once the first has been compiled."""

    def __init__(self) -> None:
        self._started = monotonic()
        self._first: tuple[float, int] | None = None
        self._executions = 0
        self.compiling = 0.0  # seconds of the first execution, with its steps
        self.steps_compiling = 0

    @property
    def seconds(self) -> float:
        """How long the training takes by now."""
        return monotonic() - self._started

    def set_back(self, seconds: float) -> None:
        """Counts what a training took before it was restarted."""
        self._started -= seconds

    def tick(self, step: int) -> bool:
        """Returns whether the first execution, which compiles, ends at this step."""
        self._executions += 1
        if self._executions == 1:
            self._first = self.seconds, step
        return self._executions == 2

    def compiled(self, step: int) -> None:
        """Leaves out the first execution, which has ended, device included."""
        if self._first is not None:
            began, first = self._first
            self.compiling += self.seconds - began
            self.steps_compiling += step - first

    def is_time(self, limit: float, share: float) -> bool:
        """Returns whether only a share of the time for steps is left.

        Before a step was seen that did not compile, nothing tells how many can be had.
        """
        seconds = self.seconds
        if self._executions < 3:
            return seconds >= limit
        return limit - seconds <= share * (limit - self.compiling)

    def steps_left(self, limit: float, trained: int) -> int:
        """Returns how many steps can be had until a limit of seconds.

        Args:
            limit: Seconds since the training began.
            trained: Steps since then.
        """
        seconds = self.seconds
        each = (seconds - self.compiling) / max(trained - self.steps_compiling, 1)
        return round(max(limit - seconds, 0.0) / max(each, 1e-9))
