"""Defines how diagnostics are laid out in event files, for writers and readers.

One tag per statistic holds, at each recorded step, one vector over the layers.
The layers' names stand in the metadata of the tag's first event. Everything else is
a string tensor with one JSON document per event, of which the last one counts but for
`EPOCH_TAG`:

- `FINDINGS_TAG`: a list of findings.
- `RUN_TAG`: what the run is: `recorded`, `first_step` and `last_step` of the steps
  written, `values` with the tags of scalars that belong to no layer, `about` with
  the hyperparameters that are known when training begins, and, if it is known,
  `best_constant_loss`: what the best constant prediction would lose.
- `EPOCH_TAG`: at the step after each epoch, `epoch` and `logs`.
- `CURVE_TAG`: for each `session`, `logs` and `hyperparameters` of all its steps so far,
  or of so many of them as take little room: each has `steps` and, by name, `values`.
  The last one of a session counts. Logs are what Keras reports after the batch.
- `SWEEP_TAG`: a learning-rate finder's `rates`, `losses`, `smoothed`, `suggestion`,
  `rule` and `suggestions`.

This module imports neither Keras nor TensorFlow: TensorBoard loads it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

PLUGIN_NAME = "keras_diagnostics"
SCHEMA_VERSION = 1
TAG_PREFIX = "keras_diagnostics"
FINDINGS_TAG = f"{TAG_PREFIX}/findings"
RUN_TAG = f"{TAG_PREFIX}/run"
CURVE_TAG = f"{TAG_PREFIX}/curve"
EPOCH_TAG = f"{TAG_PREFIX}/epoch"
SWEEP_TAG = f"{TAG_PREFIX}/sweep"
DOCUMENT_TAGS = (FINDINGS_TAG, RUN_TAG, CURVE_TAG, EPOCH_TAG, SWEEP_TAG)


def as_whole(value: object) -> int:
    """Returns a number of a document that counts something; 0 for what is none."""
    if isinstance(value, int | float) and 0 <= value < 2**53:
        return int(value)
    return 0


def as_number(value: Any) -> float:
    """Returns a number of a document; NaN for what is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def tag_of(statistic: str) -> str:
    """Returns the tag of the vectors of `statistic`."""
    return f"{TAG_PREFIX}/{statistic}"


def encode_content(kind: str, layers: Sequence[str] = ()) -> bytes:
    """Returns the plugin content that describes a tag.

    Args:
        kind: `"layers"` for vectors over layers; `"findings"`, `"run"`, `"epoch"`,
            `"curve"` or `"sweep"` for documents.
        layers: Names of the layers, in the order of the vectors.
    """
    content = {"version": SCHEMA_VERSION, "kind": kind, "layers": list(layers)}
    return json.dumps(content).encode("utf-8")


def decode_content(content: bytes) -> dict[str, object]:
    """Returns what `encode_content` encoded.

    Raises:
        ValueError: If the content is damaged or of a newer schema.
    """
    try:
        decoded = json.loads(content)
        version = int(decoded["version"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(f"Not the content of a tag: {content[:100]!r}") from error
    if version > SCHEMA_VERSION:
        raise ValueError(
            f"Written by a newer version: schema {version}, known {SCHEMA_VERSION}"
        )
    layers = decoded.get("layers")
    are_names = isinstance(layers, list) and all(isinstance(n, str) for n in layers)
    if version < 1 or not isinstance(decoded.get("kind"), str) or not are_names:
        raise ValueError(f"Not the content of a tag: {content[:100]!r}")
    # Half of a surrogate pair is no text that could be written anywhere.
    decoded["layers"] = [name.encode("utf-8", "replace").decode() for name in layers]
    return decoded
