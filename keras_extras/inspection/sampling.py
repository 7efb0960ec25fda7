"""When to look: every so many steps, or as often as a time budget allows."""

from __future__ import annotations

import statistics
from collections import deque
from typing import Literal
from typing import Protocol

Interval = int | Literal["auto"]

_DENSE_STEPS = 10
# What the host cannot time, such as the black box, has the rest of the budget.
_SHARE_FOR_SAMPLES = 0.2


class Sampler(Protocol):
    """Decides which training batches are sampled."""

    def due(self, step: int, steps: int) -> bool:
        """Whether to sample the execution of `steps` steps that starts at `step`."""

    def accepts(self, step: int) -> bool:
        """Returns whether that step of a sampled execution is to be recorded."""

    def ordinary(self, seconds: float) -> None:
        """Hears how long a batch that was not sampled took."""

    def sampled(self, seconds: float) -> None:
        """Hears how long a sampled batch took."""

    def spent(self, seconds: float) -> None:
        """Hears of time spent on the samples outside the training thread."""


class EveryNth:
    """Samples the steps that are multiples of `interval`."""

    def __init__(self, interval: int) -> None:
        self._interval = interval

    def due(self, step: int, steps: int) -> bool:
        return -step % self._interval < steps

    def accepts(self, step: int) -> bool:
        return step % self._interval == 0

    def ordinary(self, seconds: float) -> None: ...

    def sampled(self, seconds: float) -> None: ...

    def spent(self, seconds: float) -> None: ...


class WithinBudget:
    """Samples the first steps, then as often as the measured cost allows.

    Every batch earns a fixed share of its own time. A sample is taken when enough
    has been earned to pay for it; what it costs is the time that sampled batches
    take longer than others. A short training would be over before it has earned a
    sample: so each time the number of batches has doubled, one is taken on credit.

    Args:
        overhead: Float. Share of the training time that may be added.
    """

    def __init__(self, overhead: float) -> None:
        self._share = overhead * _SHARE_FOR_SAMPLES
        self._ordinary: deque[float] = deque(maxlen=51)
        self._sampled: deque[float] = deque(maxlen=9)
        self._typical = self._price = self._earned = 0.0
        self._seen = 0
        self._on_credit = 2 * _DENSE_STEPS

    def due(self, step: int, steps: int) -> bool:
        self._seen += 1
        if self._seen <= _DENSE_STEPS:
            return True
        if self._seen == self._on_credit:
            self._on_credit *= 2
            return True
        return self._typical > 0.0 and self._earned >= self._price

    def accepts(self, step: int) -> bool:
        return True

    def ordinary(self, seconds: float) -> None:
        self._ordinary.append(seconds)
        if self._seen % 16 == 0 or not self._typical:
            self._estimate()
        # A pause between batches is no training time that would pay for samples.
        self._earned += self._share * min(seconds, 2.0 * self._typical)

    def sampled(self, seconds: float) -> None:
        self._sampled.append(seconds)
        if self._seen > _DENSE_STEPS:
            self._estimate()
            # What a graph costs to trace is paid for too, once it was traced.
            self._earned -= max(self._price, seconds - self._typical)

    def spent(self, seconds: float) -> None:
        if self._seen > _DENSE_STEPS:
            self._earned -= seconds

    def _estimate(self) -> None:
        if not self._ordinary or not self._sampled:
            return
        self._typical = statistics.median(self._ordinary)
        extra = statistics.median(self._sampled) - self._typical
        # Timings are noisy, and no sample is free: a fifth of a batch at least.
        self._price = max(extra, 0.2 * self._typical)


def make_sampler(every: Interval, overhead: float) -> Sampler:
    """Returns the sampler for the arguments `every` and `overhead` of a callback."""
    return WithinBudget(overhead) if every == "auto" else EveryNth(every)


def check_every(every: object) -> None:
    """Raises a `ValueError` unless `every` is `"auto"` or a positive integer."""
    is_count = isinstance(every, int) and not isinstance(every, bool) and every >= 1
    if every != "auto" and not is_count:
        raise ValueError(
            '`every` must be "auto" or an integer >= 1 (steps). '
            f"Received: every={every!r}"
        )


def check_overhead(overhead: object) -> None:
    """Raises a `ValueError` unless `overhead` is a fraction above 0."""
    valid = isinstance(overhead, int | float) and 0.0 < overhead <= 1.0
    if not valid or isinstance(overhead, bool):
        raise ValueError(
            "`overhead` must be a fraction of the training time in (0, 1]. "
            f"Received: overhead={overhead!r}"
        )
