"""Turns what is said of a run into events."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

from keras_extras.records.finding import Finding
from keras_extras.records.step_records import StepRecords
from keras_extras.summaries import events
from keras_extras.summaries.latest_document import LatestDocument
from keras_extras.summaries.record_encoder import RecordEncoder
from keras_extras.summaries.record_thinning import RecordThinning
from keras_extras.summaries.run_document import RunDocument
from keras_extras.summaries.spacing import Spacing

_SUMMARY = b"\x2a"  # the number and type of this field of an event


class RunEvents:
    """Makes the serialised events of one run, on the thread that writes them.

    Of documents that replace one another, such as the findings, the latest waits: it is
    written before a flush, less often the longer the training lasts, and at the end.
    So the log of a training that samples by itself takes a few bytes per step.
    """

    def __init__(self) -> None:
        self._known_tags: set[str] = set()
        self._encoders: dict[Any, RecordEncoder] = {}
        self._thinnings: dict[Any, RecordThinning] = {}
        self._run = RunDocument()
        self._run_document = LatestDocument(Spacing(first=16, base=4_000, rate=0.2))
        self._findings = LatestDocument(Spacing(first=16, base=4_000, rate=0.2))
        self._curve = LatestDocument(Spacing(first=1, base=16_000, rate=0.3))
        self._epoch = LatestDocument(Spacing(first=256, base=8_000, rate=0.3))

    def values(self, step: int, build: Callable[[], list[Any]]) -> Iterator[bytes]:
        """Yields the event of the values that `build` returns."""
        yield from self._event(step, build())

    def records(self, records: StepRecords, row: int, thin: bool) -> Iterator[bytes]:
        """Yields the events of the step in that row."""
        self._run.saw_records(records, row)
        key = (tuple(records.statistics), records.layers, tuple(records.values_of_step))
        if key not in self._encoders:
            self._encoders[key] = RecordEncoder(records, self._known_tags)
        encoder = self._encoders[key]
        if not thin:
            yield from _event(int(records.steps[row]), encoder.all(records, row))
            return
        if key not in self._thinnings:
            self._thinnings[key] = RecordThinning(encoder)
        for step, summary in self._thinnings[key].take(records, row):
            yield from _event(step, summary)

    def scalars(self, step: int, values: Mapping[str, float]) -> Iterator[bytes]:
        """Yields the event of scalars that belong to no layer."""
        self._run.saw_values(values)
        yield from self._event(step, events.scalar_values(values))

    def about(self, values: Mapping[str, Any]) -> Iterator[bytes]:
        """Takes what holds for the whole run."""
        self._run.describe(values)
        return iter(())

    def best_constant(self, loss: float) -> Iterator[bytes]:
        """Takes what the best constant prediction would lose."""
        self._run.compare_with(loss)
        return iter(())

    def epoch(
        self, step: int, epoch: int, logs: Mapping[str, float]
    ) -> Iterator[bytes]:
        """Yields the event of an epoch's logs, unless there are many."""
        document = {"epoch": epoch, "logs": logs}
        self._epoch.replace(step, lambda: [events.document_value("epoch", document)])
        yield from self._events(self._epoch.take())

    def curve(self, step: int, curve: Mapping[str, Any]) -> Iterator[bytes]:
        """Takes what is known of every step as it is now."""
        document = {"session": self._run.session, **curve}
        self._curve.replace(step, lambda: [events.document_value("curve", document)])
        return iter(())

    def findings(self, step: int, findings: Sequence[Finding]) -> Iterator[bytes]:
        """Takes the findings as they are now."""
        self._findings.replace(
            step,
            functools.partial(events.finding_values, findings),
            key={(f.code, f.layer, f.severity) for f in findings},
        )
        return iter(())

    def last_words(self, last: bool) -> Iterator[bytes]:
        """Yields what is due before a flush, and all that waits before the last."""
        if last:
            yield from self._events(self._epoch.take(last))
            for thinning in self._thinnings.values():
                for step, summary in thinning.rest():
                    yield from _event(step, summary)
        yield from self._events(self._curve.take(last))
        yield from self._events(self._findings.take(last))
        document = self._run.take()
        if document is not None:
            self._run_document.replace(
                self._run.last_step,
                lambda: [events.document_value("run", document)],
                key=(document["values"], document["about"]),
            )
        yield from self._events(self._run_document.take(last))

    def _events(self, found: Iterator[tuple[int, list[Any]]]) -> Iterator[bytes]:
        for step, values in found:
            yield from self._event(step, values)

    def _event(self, step: int, values: list[Any]) -> Iterator[bytes]:
        values = events.without_metadata(values, self._known_tags)
        return _event(step, Summary(value=values).SerializeToString())


def _event(step: int, summary: bytes) -> Iterator[bytes]:
    """Yields an event with a serialised summary, if there is anything in it."""
    if summary:
        # The fields of a message may stand one after the other.
        head = Event(wall_time=time.time(), step=step).SerializeToString()
        yield head + _SUMMARY + _varint(len(summary)) + summary


def _varint(number: int) -> bytes:
    """Returns a number as protocol buffers write lengths: seven bits to a byte."""
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
