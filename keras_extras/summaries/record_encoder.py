"""Serialises what was measured at a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary

from keras_diagnostics import schema
from keras_extras.records.step_records import StepRecords
from keras_extras.summaries import events
from keras_extras.summaries.templates import ScalarTemplate
from keras_extras.summaries.templates import VectorTemplate


class RecordEncoder:
    """Serialises the parts of records that have the same layers and statistics.

    Args:
        records: One of them.
        known_tags: The tags that have been written to the file. Those that are written
            here are added.

    Attributes:
        parts: For the name of each part a function from records and a row to the
            serialised summary: `"step"` has what the plugin reads, `"layers"` a scalar
            for each statistic of each layer, for TensorBoard's own tab.
    """

    def __init__(self, records: StepRecords, known_tags: set[str]) -> None:
        self.parts: dict[str, Callable[[StepRecords, int], bytes]] = {
            "step": self._step,
            "layers": self._layers,
            "histograms": self._histograms,
        }
        self._known_tags = known_tags
        self._statistics = tuple(records.statistics)
        self._values = tuple(records.values_of_step)
        tags = [schema.tag_of(name) for name in self._statistics]
        layers = records.layers
        self._has_metadata = not known_tags.issuperset(tags)
        self._vectors = VectorTemplate(tags, len(layers))
        self._scalars = ScalarTemplate(self._values)
        self._of_layers = ScalarTemplate(
            [f"{name}/{layer}" for name in self._statistics for layer in layers]
        )

    def all(self, records: StepRecords, row: int) -> bytes:
        """Returns the summary of the step in that row."""
        return b"".join(part(records, row) for part in self.parts.values())

    def _step(self, records: StepRecords, row: int) -> bytes:
        values = records.values_of_step
        scalars = self._scalars.fill(np.array([values[n][row] for n in self._values]))
        if not self._statistics:
            return scalars
        if self._has_metadata:  # in the first event of a tag
            self._has_metadata = False
            return scalars + self._serialized(events.vector_values(records, row))
        return scalars + self._vectors.fill(self._table(records, row))

    def _layers(self, records: StepRecords, row: int) -> bytes:
        if not self._statistics:
            return b""
        return self._of_layers.fill(self._table(records, row).ravel())

    def _histograms(self, records: StepRecords, row: int) -> bytes:
        return self._serialized(events.histogram_values(records, row))

    def _table(self, records: StepRecords, row: int) -> np.ndarray:
        return np.stack([records.statistics[n][row] for n in self._statistics])

    def _serialized(self, values: list[Any]) -> bytes:
        values = events.without_metadata(values, self._known_tags)
        return Summary(value=values).SerializeToString()
