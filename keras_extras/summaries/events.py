"""Builds the values of summaries, in TensorBoard's own formats and in ours."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
from tensorboard.plugins.histogram.metadata import (
    create_summary_metadata as histogram_metadata,
)
from tensorboard.plugins.text.metadata import create_summary_metadata as text_metadata

from keras_diagnostics import schema
from keras_extras.diagnostics.report import markdown_table
from keras_extras.records.finding import Finding
from keras_extras.records.step_records import StepRecords
from keras_extras.summaries.tensor_proto import array_proto
from keras_extras.summaries.tensor_proto import text_proto

Value = Any


def scalar_values(values: Mapping[str, float]) -> list[Value]:
    """Returns a scalar for each value that is a number."""
    return [
        Summary.Value(tag=tag, simple_value=value)
        for tag, value in values.items()
        if not math.isnan(value)
    ]


def vector_values(records: StepRecords, row: int) -> list[Value]:
    """Returns a vector over the layers for each statistic of the step in that row."""
    return [
        vector_value(name, records.layers, table[row])
        for name, table in records.statistics.items()
    ]


def histogram_values(records: StepRecords, row: int) -> list[Value]:
    """Returns the histograms of the step in that row."""
    values = []
    for kind, histograms in records.histograms.items():
        for layer, table in histograms.items():
            low, high, *counts = table[row]
            if any(counts):
                values.append(_histogram(f"{kind}/{layer}", low, high, counts))
    return values


def finding_values(findings: Sequence[Finding]) -> list[Value]:
    """Returns the findings as text for a reader and as JSON for the plugin."""
    text = Summary.Value(
        tag="findings",
        metadata=text_metadata("findings", "What keras_extras found in this run."),
        tensor=text_proto(markdown_table(findings)),
    )
    document = [finding.to_dict() for finding in findings]
    return [text, document_value("findings", document)]


def document_value(kind: str, document: Any) -> Value:
    """Returns a JSON document for the plugin.

    Args:
        kind: `"findings"`, `"run"`, `"epoch"`, `"curve"` or `"sweep"`.
        document: What it says, as plain values.
    """
    return Summary.Value(
        tag=schema.tag_of(kind),
        metadata=_plugin_metadata(kind),
        tensor=text_proto(json.dumps(document)),
    )


def vector_value(name: str, layers: tuple[str, ...], by_layer: np.ndarray) -> Value:
    """Returns a statistic of all layers at one step, for the plugin."""
    return Summary.Value(
        tag=schema.tag_of(name),
        metadata=_plugin_metadata("layers", layers),
        tensor=array_proto(by_layer.astype(np.float32)),
    )


def without_metadata(values: Iterable[Value], known: set[str]) -> list[Value]:
    """Drops the metadata of the tags in `known`, to which it adds all others.

    TensorBoard reads the metadata of a tag's first event only.
    """
    values = list(values)
    for value in values:
        if value.tag in known:
            value.ClearField("metadata")
        known.add(value.tag)
    return values


def _histogram(tag: str, low: float, high: float, counts: Sequence[float]) -> Value:
    edges = np.linspace(low, high, len(counts) + 1)
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
    return Summary.Value(
        tag=tag,
        metadata=histogram_metadata(display_name=tag, description=""),
        tensor=array_proto(buckets.astype(np.float64)),
    )


def _plugin_metadata(kind: str, layers: Sequence[str] = ()) -> Any:
    return SummaryMetadata(
        plugin_data=SummaryMetadata.PluginData(
            plugin_name=schema.PLUGIN_NAME,
            content=schema.encode_content(kind, layers),
        ),
        data_class=DATA_CLASS_TENSOR,
    )
