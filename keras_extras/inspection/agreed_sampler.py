from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable
from collections.abc import Sequence

from keras_extras.inspection.sampling import Sampler


class AgreedSampler:
    """Samples the same batches in all processes that train one model together.

    Each of them takes another time for the same batch. What one has measured between
    two samples it keeps to itself; with each sample all take what the first process
    has measured.

    Args:
        sampler: The `Sampler` that decides.
        agree: Function that returns the numbers that the first process has called it
            with.
    """

    insists = False

    def __init__(
        self, sampler: Sampler, agree: Callable[[Sequence[float]], list[float]]
    ) -> None:
        self._sampler = sampler
        self._agree = agree
        self._measured: deque[float] = deque(maxlen=51)
        self._typical = self._spent = 0.0
        self.epoch_ends = sampler.epoch_ends
        self.due = sampler.due
        self.rest = sampler.rest
        self.accepts = sampler.accepts

    def ordinary(self, seconds: float, batches: int = 1) -> None:
        self._measured.append(seconds)
        self._sampler.ordinary(self._typical, batches)

    def sampled(self, seconds: float, processor_seconds: float | None = None) -> None:
        typical = statistics.median(self._measured) if self._measured else 0.0
        processor = seconds if processor_seconds is None else processor_seconds
        told = self._agree([typical, seconds, processor, self._spent])
        self._spent = 0.0
        self._typical, *taken, spent = told
        self._sampler.sampled(*taken)
        self._sampler.spent(spent)

    def spent(self, seconds: float) -> None:
        self._spent += seconds
