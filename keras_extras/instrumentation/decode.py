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
    high, low, applied, scale = rows[0][: len(plans.HEADER)].tolist()
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
                fields, scale, optimizer, replicas=len(rows), steps=plan
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
            histograms[kind.split()[0][:-1]] = {
                name: (float(h[0]) / factor, float(h[1]) / factor, h[2:])
                for name, h in blocks
                if h[2:].any()
            }
    return StepRecord(
        step=plans.join_iteration(high, low),
        layers=tuple(site.info.name for site in plan.sites),
        statistics=statistics,
        scalars=scalars,
        histograms=histograms,
    )


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
    largest = fields["absolute_max"]
    norms = largest * np.sqrt(fields["scaled_square_sum"])
    norms = np.where(np.isposinf(fields["absolute_sum"]) & np.isnan(norms), np.inf, norms)
    norms = np.where(np.isnan(fields["absolute_sum"]), np.nan, norms)
    return np.where(largest < 0, np.nan, norms)


def _gradient_statistics(
    fields: dict[str, np.ndarray], plan: Plan, scale: float
) -> dict[str, np.ndarray]:
    names = (
        "gradient_norm gradient_mean_abs gradient_max_abs gradient_zero_fraction "
        "gradient_nonfinite_fraction weight_norm update_norm update_ratio"
    ).split()
    out = {name: np.full(len(plan.sites), np.nan) for name in names}
    norms = _norms(fields) / scale
    has_gradient = ~(fields["absolute_max"] < 0)
    for index, own in plan.sites_with_slices():
        sizes = np.array(plan.sites[index].info.sizes, np.float64)
        if not len(sizes):
            continue
        weight_norm = np.sqrt(fields["weight_square_sum"][own].sum())
        out["weight_norm"][index] = weight_norm
        if plans.UPDATES in plan.measures:
            update_norm = np.sqrt(fields["update_square_sum"][own].sum())
            out["update_norm"][index] = update_norm
            out["update_ratio"][index] = update_norm / weight_norm
        chosen = has_gradient[own]
        if not chosen.any():
            continue
        own_fields = {name: values[own][chosen] for name, values in fields.items()}
        count = sizes[chosen].sum()
        nonfinite = own_fields["nonfinite_count"].sum()
        nonzero = own_fields["nonzero_count"].sum()
        out["gradient_norm"][index] = np.linalg.norm(norms[own][chosen])
        out["gradient_mean_abs"][index] = own_fields["absolute_sum"].sum() / count / scale
        out["gradient_max_abs"][index] = own_fields["absolute_max"].max() / scale
        out["gradient_zero_fraction"][index] = 1.0 - nonzero / count
        out["gradient_nonfinite_fraction"][index] = nonfinite / count
    if plans.UPDATES not in plan.measures:
        del out["update_norm"], out["update_ratio"]
    return out


def _gradient_scalars(
    fields: dict[str, np.ndarray],
    scale: float,
    optimizer: Any,
    replicas: int,
    steps: Plan,
) -> dict[str, float]:
    present = ~(fields["absolute_max"] < 0)
    if not present.any():
        return {}
    norms = _norms(fields)[present] / scale
    scalars = {"global_gradient_norm": float(np.linalg.norm(norms))}
    # Each replica clips its own gradients, which are not the ones measured.
    if replicas == 1:
        largest = fields["absolute_max"][present] / scale
        clipped = hyperparameters.share_clipped(optimizer, norms, largest)
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
