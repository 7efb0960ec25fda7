"""Chooses which samples of a long training are written, and how much of each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.records.step_records import StepRecords
from keras_extras.summaries.record_encoder import RecordEncoder
from keras_extras.summaries.spacing import Spacing

_MOST_CHANGES = 64


class RecordThinning:
    """Thins out the samples of one callback as its training gets longer.

    The tab of ours reads one vector per statistic. TensorBoard's own tab reads a scalar
    for each layer, which takes four times as much space: so there are fewer of those.
    A step at which values become finite or cease to be is written, with the one before
    it, up to 64 times; at the end of the training so is the last step.

    Args:
        encoder: The `RecordEncoder` of the samples.
    """

    def __init__(self, encoder: RecordEncoder) -> None:
        self._parts = encoder.parts
        self._spacings = {
            "step": Spacing(first=16, base=16_000, rate=0.7),
            "layers": Spacing(first=12, base=12_000, rate=0.25),
            "histograms": Spacing(first=12, base=12_000, rate=0.25),
        }
        self._held: tuple[StepRecords, int, list[str]] | None = None
        self._is_finite = True
        self._changes = 0

    def take(self, records: StepRecords, row: int) -> Iterator[tuple[int, bytes]]:
        """Yields steps and summaries to write, now that there is one more sample."""
        step = int(records.steps[row])
        due = [name for name in self._parts if self._spacings[name].is_due(step)]
        if self._has_changed(records, row):
            yield from self.rest()
            due = list(self._parts)
        waiting = [name for name in self._parts if name not in due]
        self._held = (records, row, waiting) if waiting else None
        if due:
            yield step, self._make(records, row, due)

    def rest(self) -> Iterator[tuple[int, bytes]]:
        """Yields what is not written yet of the last sample."""
        held, self._held = self._held, None
        if held is not None:
            records, row, names = held
            yield int(records.steps[row]), self._make(records, row, names)

    def _make(self, records: StepRecords, row: int, names: list[str]) -> bytes:
        made = []
        for name in names:
            part = self._parts[name](records, row)
            self._spacings[name].wrote(int(records.steps[row]), len(part))
            made.append(part)
        return b"".join(made)

    def _has_changed(self, records: StepRecords, row: int) -> bool:
        if self._changes >= _MOST_CHANGES:
            return False
        before, self._is_finite = self._is_finite, _is_finite(records, row)
        self._changes += before != self._is_finite
        return before != self._is_finite


def _is_finite(records: StepRecords, row: int) -> bool:
    """Returns whether nothing is infinite; what is NaN may not have been measured."""
    values = {**records.values_of_step, **records.statistics}
    return not any(
        np.isinf(value[row]).any() or ("nonfinite" in name and (value[row] > 0).any())
        for name, value in values.items()
    )
