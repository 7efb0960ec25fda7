"""Repairs of the scale of inputs and targets, by layers within the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras.diagnostics.batch_arrays import inputs_of
from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.observations import Observations
from keras_extras.records.finding import Finding
from keras_extras.records.repair import Repair

# Losses that are scaled with the targets: their unit is that to this power.
POWERS = {
    "mean_squared_error": 2,
    "mean_absolute_error": 1,
    "huber": 1,
    "log_cosh": 1,
}
_PIXEL = 255.0
_MOST_FEATURES = 64  # of targets that have a mean each


def scale_inputs(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Divides pixels by 255, and standardises the features of anything else."""
    x = inputs_of(observations.batches)
    if x is None:
        return None
    finite = x[np.isfinite(x)]
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    value: dict[str, Any]
    rank = len(observations.batches[0].inputs[0].shape)
    if low >= 0.0 and 200.0 < high <= _PIXEL:
        value = {"layer": "Rescaling", "scale": 1.0 / _PIXEL, "offset": 0.0}
    elif rank >= 3:  # pictures: one scale for all of their pixels
        mean, std = float(finite.mean()), float(finite.std()) or 1.0
        value = {"layer": "Rescaling", "scale": 1.0 / std, "offset": -mean / std}
    else:
        value = {"layer": "Normalization"}
    return Repair("input-scale", finding.layer, {"inputs": value})


def scale_targets(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Has the model return standardised targets, scaled back by a layer at its end."""
    y = targets_of(observations.batches)
    outputs = observations.structure.outputs
    if y is None or len(outputs) != 1 or outputs[0].layer is None:
        return None
    value = target_scale(y)
    if outputs[0].loss not in POWERS:
        value["loss"] = "mse"
    spec = observations.structure.layer(outputs[0].layer)
    if spec is not None and spec.activation not in (None, "linear"):
        value["layers"] = {spec.name: {"activation": "linear"}}
    return Repair("target-scale", outputs[0].layer, value)


def target_scale(y: np.ndarray) -> dict[str, Any]:
    """Returns by what to scale targets: of each feature, or of all where they are many.

    Args:
        y: Array of shape `(rows, features)`.
    """
    if y.shape[1] > _MOST_FEATURES:
        mean, std = [float(y.mean())], [float(y.std()) or 1.0]
    else:
        mean = [float(v) for v in y.mean(axis=0)]
        std = [float(v) or 1.0 for v in y.std(axis=0)]
    return {"targets": {"mean": _short(mean), "std": _short(std)}}


def input_statistics(
    observations: Observations,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns mean and variance of the features of the rows that were sampled."""
    x = inputs_of(observations.batches)
    if x is None:
        return None
    shape = observations.batches[0].inputs[0].shape
    features = (shape[-1] if shape else None) or 1
    if x.shape[1] % features:
        return None
    rows = x.reshape(-1, features).astype(np.float64)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return None
    variance = rows.var(axis=0)
    # A feature that hardly varied in a few rows may vary in others.
    usual = float(np.median(variance[variance > 0.0])) if variance.any() else 1.0
    variance = np.where(variance > 1e-6 * usual, variance, max(usual, 1e-12))
    return rows.mean(axis=0), variance


def _short(values: list[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
