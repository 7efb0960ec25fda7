"""Which samples of a long training are written, and how much of each."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_extras.records.step_records import StepRecords
from keras_extras.summaries import events
from keras_extras.summaries.spacing import Spacing

_PARTS: dict[str, Callable[[StepRecords, int], list[Any]]] = {
    "step": events.step_values,
    "layers": events.layer_values,
    "histograms": events.histogram_values,
}
_MOST_CHANGES = 64


class RecordThinning:
    """Thins out the samples of one callback as its training gets longer.

    The tab of ours reads one vector per statistic. TensorBoard's own tab reads a scalar
    for each layer, which takes four times as much space: so there are fewer of those.
    A step at which values become finite or cease to be is written, with the one before
    it, up to 64 times; at the end of the training so is the last step.
    """

    def __init__(self) -> None:
        self._spacings = {
            "step": Spacing(first=16, base=24_000, rate=1.0),
            "layers": Spacing(first=16, base=16_000, rate=0.4),
            "histograms": Spacing(first=16, base=16_000, rate=0.4),
        }
        self._held: tuple[StepRecords, int, list[str]] | None = None
        self._is_finite = True
        self._changes = 0

    def values(self, records: StepRecords, row: int) -> Iterator[tuple[int, list[Any]]]:
        """Yields steps and values to write, now that there is one more sample."""
        step = int(records.steps[row])
        due = [name for name in _PARTS if self._spacings[name].is_due(step)]
        if self._has_changed(records, row):
            yield from self.rest()
            due = list(_PARTS)
        waiting = [name for name in _PARTS if name not in due]
        self._held = (records, row, waiting) if waiting else None
        if due:
            yield step, self._make(records, row, due)

    def rest(self) -> Iterator[tuple[int, list[Any]]]:
        """Yields what is not written yet of the last sample."""
        held, self._held = self._held, None
        if held is not None:
            records, row, names = held
            yield int(records.steps[row]), self._make(records, row, names)

    def _make(self, records: StepRecords, row: int, names: list[str]) -> list[Any]:
        values = []
        for name in names:
            part = _PARTS[name](records, row)
            size = sum(value.ByteSize() for value in part)
            self._spacings[name].wrote(int(records.steps[row]), size)
            values += part
        return values

    def _has_changed(self, records: StepRecords, row: int) -> bool:
        if self._changes >= _MOST_CHANGES:
            return False
        before, self._is_finite = self._is_finite, _is_finite(records, row)
        self._changes += before != self._is_finite
        return before != self._is_finite


def all_values(records: StepRecords, row: int) -> list[Any]:
    """Returns all that there is to write of the step in that row."""
    return [value for make in _PARTS.values() for value in make(records, row)]


def _is_finite(records: StepRecords, row: int) -> bool:
    """Whether nothing is infinite; what is NaN may not have been measured."""
    values = {**records.values_of_step, **records.statistics}
    return not any(
        np.isinf(value[row]).any() or ("nonfinite" in name and (value[row] > 0).any())
        for name, value in values.items()
    )
