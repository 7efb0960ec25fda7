"""Reads the rows that an instrumented step wrote."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_extras import hyperparameters
from keras_extras.instrumentation import plan as plans
from keras_extras.instrumentation.measure import ACTIVATION_FIELDS
from keras_extras.instrumentation.measure import GRADIENT_FIELDS
from keras_extras.instrumentation.measure import can_saturate
from keras_extras.instrumentation.plan import Plan
from keras_extras.instrumentation.step_record import Histogram
from keras_extras.instrumentation.step_record import StepRecord


def decode(rows: list[np.ndarray], plan: Plan, optimizer: Any) -> StepRecord | None:
    """Returns what a step told, or `None` for a step that updated nothing.

    Args:
        rows: The row of each replica.
        plan: The plan that the step followed.
        optimizer: The model's optimizer, for the limits at which it clips.
    """
    *_, applied, scale = rows[0][: len(plans.HEADER)].tolist()
    if not applied:
        return None
    statistics: dict[str, np.ndarray] = {}
    scalars: dict[str, float] = {}
    histograms: dict[str, dict[str, Histogram]] = {}
    with np.errstate(all="ignore"):
        if plans.GRADIENTS in plan.blocks:
            fields = _fields(rows[0], plan, plans.GRADIENTS, GRADIENT_FIELDS)
            statistics |= _gradient_statistics(fields, plan, scale)
            scalars |= _gradient_scalars(
                fields, scale, optimizer, replicas=len(rows), plan=plan
            )
        if plans.ACTIVATIONS in plan.blocks:
            replicas = [
                _fields(row, plan, plans.ACTIVATIONS, ACTIVATION_FIELDS) for row in rows
            ]
            statistics |= _activation_statistics(replicas, plan)
    for kind, sites in (
        (plans.GRADIENT_HISTOGRAMS, plan.trained),
        (plans.ACTIVATION_HISTOGRAMS, plan.sites),
    ):
        if kind in plan.blocks:
            factor = scale if kind == plans.GRADIENT_HISTOGRAMS else 1.0
            names = [site.info.name for site in sites]
            blocks = zip(names, _block(rows[0], plan, kind))
            histograms[kind.split()[0]] = {
                name: (float(h[0]) / factor, float(h[1]) / factor, h[2:])
                for name, h in blocks
                if h[2:].any()
            }
    return StepRecord(
        step=batch_of(rows[0]) // hyperparameters.accumulation_steps(optimizer),
        layers=tuple(site.info.name for site in plan.sites),
        statistics=statistics,
        scalars=scalars,
        histograms=histograms,
    )


def batch_of(row: np.ndarray) -> int:
    """Returns the number of batches trained before the one that `row` tells of."""
    return plans.join_iteration(row[0], row[1])


def _block(row: np.ndarray, plan: Plan, name: str) -> np.ndarray:
    offset, rows, columns = plan.blocks[name]
    return row[offset : offset + rows * columns].reshape(rows, columns)


def _fields(
    row: np.ndarray, plan: Plan, block: str, names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    columns = _block(row, plan, block).astype(np.float64).T
    return dict(zip(names, columns))


def _norms(fields: dict[str, np.ndarray]) -> np.ndarray:
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


def _gradient_statistics(
    fields: dict[str, np.ndarray], plan: Plan, scale: float
) -> dict[str, np.ndarray]:
    present = ~(fields["absolute_max"] < 0)
    sizes = np.where(present, plan.sizes, 0.0)
    total = plan.sum_by_layer(sizes)
    total = np.where(total > 0, total, np.nan)
    squares = np.where(present, np.square(_norms(fields) / scale), 0.0)
    known = np.where(total > 0, 1.0, np.nan)
    trained = np.where(plan.sum_by_layer(plan.sizes) > 0, 1.0, np.nan)
    weight_norm = np.sqrt(plan.sum_by_layer(fields["weight_square_sum"])) * trained
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
    fields: dict[str, np.ndarray],
    scale: float,
    optimizer: Any,
    replicas: int,
    plan: Plan,
) -> dict[str, float]:
    present = ~(fields["absolute_max"] < 0)
    if not present.any():
        return {}
    norms = _norms(fields)[present] / scale
    scalars = {"global_gradient_norm": float(np.linalg.norm(norms))}
    # Each replica clips its own gradients, which are not the ones measured.
    if replicas == 1:
        largest = fields["absolute_max"][present] / scale
        variables = [v for v, has in zip(plan.variables, present) if has]
        clipped = hyperparameters.share_clipped(optimizer, variables, norms, largest)
        if clipped is not None:
            scalars["gradient_clipped"] = clipped
    return scalars


def _activation_statistics(
    replicas: list[dict[str, np.ndarray]], plan: Plan
) -> dict[str, np.ndarray]:
    counts = np.stack([fields["count"] for fields in replicas])
    total = counts.sum(0)
    total = np.where(total > 0, total, np.nan)
    means = np.stack([fields["mean"] for fields in replicas])
    mean = (counts * means).sum(0) / total
    deviation = sum(fields["square_deviation"] for fields in replicas)
    deviation = deviation + (counts * np.square(means - mean)).sum(0)
    present = np.where(np.isnan(total), np.nan, 1.0)
    saturates = [can_saturate(site.info.activation) for site in plan.sites]

    def fraction(name: str) -> np.ndarray:
        return sum(fields[name] for fields in replicas) / total

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
