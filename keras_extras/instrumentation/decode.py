"""Reads the rows that instrumented steps wrote."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_extras.instrumentation import plan as plans
from keras_extras.instrumentation.measure import ACTIVATION_FIELDS
from keras_extras.instrumentation.measure import GRADIENT_FIELDS
from keras_extras.instrumentation.measure import LIMIT_FIELDS
from keras_extras.instrumentation.measure import can_saturate
from keras_extras.instrumentation.plan import Plan
from keras_extras.keras_internals import hyperparameters
from keras_extras.records.step_records import StepRecords

_Fields = dict[str, np.ndarray]


def decode(rows: np.ndarray, plan: Plan, optimizer: Any) -> StepRecords:
    """Returns what steps told, without those that updated nothing.

    Args:
        rows: Array of shape `(steps, replicas, values)`.
        plan: The plan that the steps followed.
        optimizer: The model's optimizer, for the limits at which it clips.
    """
    header = dict(zip(plans.HEADER, rows[:, 0, : len(plans.HEADER)].T))
    applied = header["applied"] > 0
    rows, scale = rows[applied], header["loss_scale"][applied].astype(np.float64)
    batches = plans.join_iteration(header["batch_high"], header["batch_low"])[applied]
    statistics: _Fields = {}
    scalars: _Fields = {}
    with np.errstate(all="ignore"):
        if plans.GRADIENTS in plan.blocks:
            fields = _fields(rows[:, 0], plan, plans.GRADIENTS, GRADIENT_FIELDS)
            statistics |= _gradient_statistics(fields, plan, scale[:, None])
            scalars |= _gradient_scalars(
                fields, scale[:, None], optimizer, rows.shape[1], plan
            )
        if plans.LIMITS in plan.blocks:
            fields = _fields(rows[:, 0], plan, plans.LIMITS, LIMIT_FIELDS)
            held, units = (plan.sum_by_layer(fields[name]) for name in LIMIT_FIELDS)
            statistics["weight_at_limit_fraction"] = held / units
        if plans.ACTIVATIONS in plan.blocks:
            replicas = [
                _fields(row, plan, plans.ACTIVATIONS, ACTIVATION_FIELDS)
                for row in rows.swapaxes(0, 1)
            ]
            statistics |= _activation_statistics(replicas, plan)
    return StepRecords(
        steps=batches // hyperparameters.accumulation_steps(optimizer),
        layers=tuple(site.info.name for site in plan.sites),
        statistics=statistics,
        scalars=scalars,
        hyperparameters=_hyperparameters(rows[:, 0], plan),
        histograms=_histograms(rows[:, 0], plan, scale),
    )


def _block(rows: np.ndarray, plan: Plan, name: str) -> np.ndarray:
    offset, height, width = plan.blocks[name]
    block = rows[:, offset : offset + height * width]
    return block.reshape(len(rows), height, width)


def _fields(
    rows: np.ndarray, plan: Plan, block: str, names: tuple[str, ...]
) -> _Fields:
    columns = np.moveaxis(_block(rows, plan, block).astype(np.float64), 2, 0)
    return dict(zip(names, columns))


def _hyperparameters(rows: np.ndarray, plan: Plan) -> _Fields:
    fields: _Fields = {}
    varying: list[np.ndarray] = []
    if plans.HYPERPARAMETERS in plan.blocks:
        varying = list(_block(rows, plan, plans.HYPERPARAMETERS)[:, 0].T)
    for name, constant in plan.hyperparameters.items():
        value = varying.pop(0) if constant is None else np.full(len(rows), constant)
        fields[name] = value.astype(np.float64)
    return fields


def _histograms(
    rows: np.ndarray, plan: Plan, scale: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    found = {}
    for kind, sites in (
        (plans.GRADIENT_HISTOGRAMS, plan.trained),
        (plans.ACTIVATION_HISTOGRAMS, plan.sites),
    ):
        if kind not in plan.blocks:
            continue
        blocks = _block(rows, plan, kind).astype(np.float64)
        if kind == plans.GRADIENT_HISTOGRAMS:
            blocks[:, :, :2] /= scale[:, None, None]
        names = [site.info.name for site in sites]
        found[kind.split()[0]] = dict(zip(names, blocks.swapaxes(0, 1)))
    return found


def _norms(fields: _Fields) -> np.ndarray:
    """Returns the norm of each variable's gradient, NaN where it has none."""
    largest, scaled = fields["absolute_max"], fields["scaled_square_sum"]
    norms = np.sqrt(fields["square_sum"])
    norms = np.where(scaled > 0, largest * np.sqrt(scaled), norms)
    # NaN marks what is NaN, and an infinite gradient has an infinite norm.
    norms = np.where(
        np.isposinf(largest) & ~np.isnan(fields["absolute_sum"]), np.inf, norms
    )
    norms = np.where(np.isnan(fields["absolute_sum"]), np.nan, norms)
    return np.where(largest < 0, np.nan, norms)


def _gradient_statistics(fields: _Fields, plan: Plan, scale: np.ndarray) -> _Fields:
    present = ~(fields["absolute_max"] < 0)
    sizes = np.where(present, plan.sizes, 0.0)
    total = plan.sum_by_layer(sizes)
    total = np.where(total > 0, total, np.nan)
    squares = np.where(present, np.square(_norms(fields) / scale), 0.0)
    known = np.where(total > 0, 1.0, np.nan)
    measured = ~(fields["weight_square_sum"] < 0)
    weights = np.where(measured, fields["weight_square_sum"], 0.0)
    trained = plan.sum_by_layer(np.where(measured, plan.sizes, 0.0))
    trained = np.where(trained > 0, 1.0, np.nan)
    weight_norm = np.sqrt(plan.sum_by_layer(weights)) * trained
    out = {
        "gradient_norm": np.sqrt(plan.sum_by_layer(squares)) * known,
        "gradient_mean_abs": plan.sum_by_layer(fields["absolute_sum"]) / total / scale,
        "gradient_max_abs": plan.max_by_layer(fields["absolute_max"]) * known / scale,
        "gradient_zero_fraction": 1.0
        - plan.sum_by_layer(fields["nonzero_count"]) / total,
        "gradient_nonfinite_fraction": plan.sum_by_layer(fields["nonfinite_count"])
        / total,
        "weight_norm": weight_norm,
    }
    if plans.UPDATES in plan.measures:
        update_norm = np.sqrt(plan.sum_by_layer(fields["update_square_sum"])) * trained
        out["update_norm"] = update_norm
        out["update_ratio"] = update_norm / weight_norm
    return out


def _gradient_scalars(
    fields: _Fields, scale: np.ndarray, optimizer: Any, replicas: int, plan: Plan
) -> _Fields:
    present = ~(fields["absolute_max"] < 0)
    if not present.any():
        return {}
    norms = np.where(present, _norms(fields) / scale, 0.0)
    some = np.where(present.any(axis=1), 1.0, np.nan)
    scalars = {"global_gradient_norm": np.linalg.norm(norms, axis=1) * some}
    # Each replica clips its own gradients, which are not the ones measured.
    if replicas == 1:
        largest = np.where(present, fields["absolute_max"] / scale, 0.0)
        clipped = hyperparameters.share_clipped(
            optimizer, plan.variables, norms, largest
        )
        if clipped is not None:
            scalars["gradient_clipped"] = clipped * some
    return scalars


def _activation_statistics(replicas: list[_Fields], plan: Plan) -> _Fields:
    counts = np.stack([fields["count"] for fields in replicas])
    total = counts.sum(0)
    total = np.where(total > 0, total, np.nan)
    means = np.stack([fields["mean"] for fields in replicas])
    mean = (counts * means).sum(0) / total
    deviation = np.sum([fields["square_deviation"] for fields in replicas], axis=0)
    deviation = deviation + (counts * np.square(means - mean)).sum(0)
    present = np.where(np.isnan(total), np.nan, 1.0)
    saturates = [can_saturate(site.info.activation) for site in plan.sites]

    def fraction(name: str) -> np.ndarray:
        return np.sum([fields[name] for fields in replicas], axis=0) / total

    return {
        "activation_mean": mean,
        "activation_std": np.sqrt(deviation / total),
        "activation_min": np.min([f["min"] for f in replicas], 0) * present,
        "activation_max": np.max([f["max"] for f in replicas], 0) * present,
        "activation_zero_fraction": fraction("zero_count"),
        "activation_dead_fraction": replicas[0]["dead_fraction"] * present,
        "activation_saturated_fraction": np.where(
            saturates, fraction("saturated_count"), np.nan
        ),
        "activation_nonfinite_fraction": fraction("nonfinite_count"),
        "activation_values_per_unit": total / replicas[0]["units"],
    }
