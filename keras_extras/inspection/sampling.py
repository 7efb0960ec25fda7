"""When to look: every so many steps, or as often as a time budget allows."""

from __future__ import annotations

import statistics
from collections import deque
from typing import Literal
from typing import Protocol

Interval = int | Literal["auto"]

# What samples may cost that are taken before they have been earned, in seconds of the
# processor: those of the first batches, of which two there are always, and later ones,
# of which there is one once it is no more than that share of the time so far.
_CREDIT_SECONDS, _LATER_CREDIT, _SHARE_OF_ONE = 1.0, 0.1, 0.03
_COMPILED = 4.0  # seconds of credit, where a compilation comes before the first sample
_FIRST_BATCHES = 16
_LONGEST_REST = 64  # batches
# What the host cannot time, such as slower batches after a sample, has the rest.
_SHARE_FOR_SAMPLES = 0.3


class Sampler(Protocol):
    """Decides which training batches are sampled.

    Attributes:
        insists: Whether a batch that is due is to be sampled whatever it costs.
    """

    insists: bool

    def due(self, step: int, steps: int) -> bool:
        """Whether to sample the execution of `steps` steps that starts at `step`."""

    def accepts(self, step: int) -> bool:
        """Returns whether that step of a sampled execution is to be recorded."""

    def rest(self, step: int, steps: int) -> int:
        """Returns how many batches after the present one certainly are not due.

        Of these `ordinary` alone is to tell.
        """

    def ordinary(self, seconds: float, batches: int = 1) -> None:
        """Takes how long each of some batches took that were not sampled.

        Args:
            seconds: Time until the next batch began.
            batches: Number of batches since `due` was asked, or since a sample.
        """

    def sampled(self, seconds: float, processor_seconds: float | None = None) -> None:
        """Takes how much longer a batch took because it was sampled.

        Args:
            seconds: Time that passed.
            processor_seconds: Processor time of that, if it is known.
        """

    def spent(self, seconds: float) -> None:
        """Takes the time spent on samples outside the training thread."""


class EveryNth:
    """Samples the steps that are multiples of `interval`."""

    insists = True

    def __init__(self, interval: int) -> None:
        self._interval = interval

    def due(self, step: int, steps: int) -> bool:
        return -step % self._interval < steps

    def accepts(self, step: int) -> bool:
        return step % self._interval == 0

    def rest(self, step: int, steps: int) -> int:
        return -(step + steps) % self._interval // steps

    def ordinary(self, seconds: float, batches: int = 1) -> None: ...

    def sampled(
        self, seconds: float, processor_seconds: float | None = None
    ) -> None: ...

    def spent(self, seconds: float) -> None: ...


class WithinBudget:
    """Samples the first steps, then as often as the measured cost allows.

    Every batch earns a fixed share of its own time. A sample is taken when enough
    has been earned to pay for it. A model changes most at its start, and a short
    training would be over before it has earned a sample: so batches 1, 2, 4, 8,
    16, and so on each time their number has doubled, are sampled on credit, if that is
    not dear. What is taken on credit after the 16th is paid back.

    Args:
        overhead: Float. Share of the training time that may be added.
        credit: Float, seconds of the credit of the first 16 batches. Defaults to one.
    """

    insists = False

    def __init__(self, overhead: float, credit: float = _CREDIT_SECONDS) -> None:
        self._credit = credit
        self._share = overhead * _SHARE_FOR_SAMPLES
        self._ordinary: deque[float] = deque(maxlen=51)
        self._sampled: deque[float] = deque(maxlen=9)
        self._typical = self._price = self._earned = 0.0
        self._owed = self._owed_later = 0.0
        self._fee = self._passed = 0.0
        self._seen = self._asked = 0
        self._on_credit = 1

    def due(self, step: int, steps: int) -> bool:
        self._seen += 1
        self._asked = 1
        if self._seen >= self._on_credit and self._has_credit():
            self._on_credit = 2 * self._seen
            return True
        return self._typical > 0.0 and 0.0 < self._price <= self._earned

    def rest(self, step: int, steps: int) -> int:
        if self._seen <= _FIRST_BATCHES:
            return 0
        rest: float = _LONGEST_REST
        if self._on_credit > self._seen:
            rest = min(rest, self._on_credit - self._seen - 1)
        if self._typical > 0.0 and self._price > 0.0:
            # Half of it: batches may get slower, and earn more.
            missing = self._price - self._earned
            rest = min(rest, 0.5 * missing / (self._share * self._typical))
        return max(int(rest), 0)

    def accepts(self, step: int) -> bool:
        return True

    def ordinary(self, seconds: float, batches: int = 1) -> None:
        self._seen += batches - self._asked
        self._asked = 0
        self._ordinary.append(seconds)
        self._typical = statistics.median(self._ordinary)
        # A pause between batches is no training time that would pay for samples.
        seconds = batches * min(seconds, 2.0 * self._typical)
        self._passed += seconds
        self._earned += self._share * seconds

    def sampled(self, seconds: float, processor_seconds: float | None = None) -> None:
        self._asked = 0
        self._sampled.append(seconds)
        # Timings are noisy, and no sample is free: a fifth of a batch at least.
        typical = statistics.median(self._sampled)
        self._price = max(typical, 0.2 * self._typical)
        # How much is seen of a short training is not to depend on what else runs.
        self._fee = seconds if processor_seconds is None else processor_seconds
        if self._seen <= _FIRST_BATCHES:
            self._owed += self._fee
        else:
            self._owed_later += self._fee
            # What a graph costs to trace is paid for too, once it was traced.
            self._earned -= max(self._price, seconds)

    def spent(self, seconds: float) -> None:
        if self._seen > _FIRST_BATCHES:
            self._earned -= seconds

    def _has_credit(self) -> bool:
        if self._seen <= _FIRST_BATCHES:
            return self._seen <= 2 or self._owed + self._fee <= self._credit
        if self._owed_later + self._fee <= _LATER_CREDIT:
            return True
        return not self._owed_later and self._fee <= _SHARE_OF_ONE * self._passed


def make_sampler(every: Interval, overhead: float, compiles: bool = False) -> Sampler:
    """Returns the sampler for the arguments `every` and `overhead` of a callback.

    Args:
        every: Integer, number of steps between samples, or `"auto"`.
        overhead: Float. Share of the training time that may be added.
        compiles: Whether the first sample takes a compilation. Defaults to `False`.
    """
    if every != "auto":
        return EveryNth(every)
    return WithinBudget(overhead, _COMPILED if compiles else _CREDIT_SECONDS)


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
