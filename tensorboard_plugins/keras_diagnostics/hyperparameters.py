"""Hyperparameters of a training, as the HParams plugin or our own tags have them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_diagnostics.source import Source

_SESSION = "_hparams_/session_start_info"
_LONGEST = 200


def of_hparams(source: Source, runs: Sequence[str]) -> dict[str, Any]:
    """Returns what the HParams plugin knows about the first of `runs` that it knows."""
    listed = source.tensors("hparams", tags=[_SESSION])
    for run in runs:
        series = listed.get(run, {}).get(_SESSION)
        if series is not None:
            return _decode(source, run, series.plugin_content)
    return {}


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those of `values` that fit in a table."""
    kept = {}
    for name, value in values.items():
        if isinstance(value, bool) or value is None:
            value = str(value)
        if isinstance(value, str):
            value = value[:_LONGEST]
        if isinstance(value, str | int | float):
            kept[str(name)] = value
    return kept


def _decode(source: Source, run: str, content: bytes) -> dict[str, Any]:
    from google.protobuf.message import DecodeError
    from tensorboard.plugins.hparams import plugin_data_pb2

    try:
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
    except DecodeError as error:
        source.report(run, f"Its hyperparameters cannot be read: {error}.")
        return {}
    values = {}
    # A map of protocol buffers has another order in each process.
    for name, value in sorted(data.session_start_info.hparams.items()):
        kind = value.WhichOneof("kind")
        if kind is not None and kind.endswith("_value"):
            values[name] = getattr(value, kind)
    return plain(values)
