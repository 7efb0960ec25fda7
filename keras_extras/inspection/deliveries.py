from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable
from typing import Any
from typing import Protocol

from keras_extras.inspection import measures
from keras_extras.inspection.decode import decode
from keras_extras.inspection.sample import Sample
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.step_records import StepRecords

# Decoding many samples at once costs little more than decoding one.
_UNREAD_SAMPLES = 64
_UNREAD_SECONDS = 2.0


class Taker(Protocol):
    """A callback that gets what was measured."""

    measures: frozenset[str]

    def receive(self, records: StepRecords) -> None:
        """Takes the records of steps that it asked for."""

    def receive_batch(self, batch: BatchRows) -> None:
        """Takes a few rows of a batch, if it measures batches."""


Takers = tuple[Taker, ...]


class Deliveries:
    """Keeps samples until it pays to decode them, and hands them on in order.

    Args:
        deliver_to: Function that calls its second argument on behalf of its first, a
            taker, and keeps what fails there from everybody else.

    Attributes:
        unread: The samples that were not handed on yet.
    """

    def __init__(self, deliver_to: Callable[[Taker, Callable[[], None]], None]) -> None:
        self._deliver_to = deliver_to
        self.unread: list[tuple[Sample, Takers]] = []
        self._since = 0.0

    def add(self, sample: Sample, takers: Takers) -> None:
        """Takes a sample for those who asked for it."""
        if not self.unread:
            self._since = time.perf_counter()
        self.unread.append((sample, takers))

    @property
    def due(self) -> bool:
        """Whether enough has come, or waited long enough."""
        if not self.unread:
            return False
        waited = time.perf_counter() - self._since
        return len(self.unread) >= _UNREAD_SAMPLES or waited >= _UNREAD_SECONDS

    def hand_on(self, optimizer: Any, replicas: int) -> None:
        """Decodes all samples and hands them on."""
        unread, self.unread = self.unread, []
        for (_, takers, _), group in itertools.groupby(unread, _alike):
            samples = [sample for sample, _ in group]
            for taker in takers:
                deliver = functools.partial(
                    _deliver, samples, taker, optimizer, replicas
                )
                self._deliver_to(taker, deliver)


def _alike(entry: tuple[Sample, Takers]) -> tuple[Any, ...]:
    """Returns what is the same for samples that can be decoded together."""
    sample, takers = entry
    return id(sample.layout), takers, tuple(sample.hyperparameters)


def _deliver(
    samples: list[Sample], taker: Taker, optimizer: Any, replicas: int
) -> None:
    taker.receive(decode(samples, optimizer, replicas))
    if measures.BATCHES in taker.measures:
        for sample in samples:
            if sample.batch is not None:
                taker.receive_batch(sample.batch)
