"""Statistics of gradients and of what the optimizer makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras.backends.contract import Stack
from keras_extras.inspection.row_layout import RowLayout
from keras_extras.keras_internals import hyperparameters

FIELDS = (
    "absolute_sum",
    "absolute_max",
    "nonzero_count",
    "square_sum",
    "nonfinite_count",
    "weight_square_sum",
    "update_square_sum",
)
_GRADIENT = slice(0, 5)
_WEIGHT, _UPDATE = 5, 6

# What stands for a variable without a gradient: no magnitude is negative.
_NO_GRADIENT = (0.0, -1.0, 0.0, 0.0, 0.0)
# Nor is a norm: that of a variable which is frozen for now is not measured.
_NO_UPDATE = (-1.0, 0.0)

_Fields = Mapping[str, np.ndarray]


def empty_block(variables: int) -> np.ndarray:
    """Returns the fields of variables of which nothing is known."""
    return np.tile(np.array([*_NO_GRADIENT, *_NO_UPDATE]), (variables, 1))


def measure_gradients(block: np.ndarray, gradients: Iterable[Stack]) -> None:
    """Writes the sums of gradients into the rows of their variables."""
    for members, values in gradients:
        block[list(members), _GRADIENT] = gradient_sums(values)


def measure_updates(
    block: np.ndarray, before: Sequence[Stack], after: Sequence[Stack] | None
) -> None:
    """Writes the sums of squares of weights, and of their change if that is known."""
    for members, old in before:
        block[list(members), _WEIGHT] = square_sums(old)
    if after is not None:
        for (members, old), (_, new) in zip(before, after):
            block[list(members), _UPDATE] = square_sums(new - old)


def gradient_sums(values: np.ndarray) -> np.ndarray:
    """Returns the first five of `FIELDS` for each row of `(variables, elements)`."""
    if not values.shape[1]:
        return np.zeros((len(values), 5))
    with np.errstate(all="ignore"):
        magnitudes = np.abs(values)
        sums, largest = magnitudes.sum(1), magnitudes.max(1)
        squares = square_sums(values, largest)
        nonzero = np.full(len(values), float(values.shape[1]))
        for row in np.flatnonzero(magnitudes.min(1) == 0.0):
            nonzero[row] = np.count_nonzero(values[row])
        nonfinite = np.zeros(len(values))
        for row in np.flatnonzero(~np.isfinite(sums)):
            nonfinite[row] = np.count_nonzero(~np.isfinite(values[row]))
            nonzero[row] = np.count_nonzero(values[row])
    return np.stack([sums, largest, nonzero, squares, nonfinite], axis=1)


def square_sums(values: np.ndarray, largest: np.ndarray | None = None) -> np.ndarray:
    """Returns the sum of the squares of each row.

    Squares of vanishing numbers underflow and squares of exploding ones overflow in
    float32; those rows are summed in float64.
    """
    with np.errstate(all="ignore"):
        sums = np.matmul(values[:, None, :], values[:, :, None])[:, 0, 0]
        sums = sums.astype(np.float64)
        if largest is None:
            far_out = ~((sums > 1e-24) & (sums < 1e30))
        else:
            far_out = ~((largest > 1e-12) & (largest < 1e15)) & (largest != 0.0)
        for row in np.flatnonzero(far_out):
            sums[row] = np.square(values[row], dtype=np.float64).sum()
    return sums


def statistics(
    fields: _Fields, layout: RowLayout, scale: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns the statistics of each layer.

    Args:
        fields: For each of `FIELDS` an array of shape `(steps, variables)`.
        layout: What the rows were measured for.
        scale: Loss scale of each step, of shape `(steps, 1)`.
    """
    present = ~(fields["absolute_max"] < 0)
    sizes = np.where(present, layout.sizes, 0.0)
    total = layout.sum_by_layer(sizes)
    total = np.where(total > 0, total, np.nan)
    squares = np.where(present, np.square(norms(fields) / scale), 0.0)
    known = np.where(total > 0, 1.0, np.nan)
    measured = ~(fields["weight_square_sum"] < 0)
    weights = np.where(measured, fields["weight_square_sum"], 0.0)
    trained = layout.sum_by_layer(np.where(measured, layout.sizes, 0.0))
    trained = np.where(trained > 0, 1.0, np.nan)
    weight_norm = np.sqrt(layout.sum_by_layer(weights)) * trained
    absolute = layout.sum_by_layer(fields["absolute_sum"])
    largest = layout.max_by_layer(fields["absolute_max"])
    nonzero = layout.sum_by_layer(fields["nonzero_count"])
    out = {
        "gradient_norm": np.sqrt(layout.sum_by_layer(squares)) * known,
        "gradient_mean_abs": absolute / total / scale,
        "gradient_max_abs": largest * known / scale,
        "gradient_zero_fraction": 1.0 - nonzero / total,
        "gradient_nonfinite_fraction": layout.sum_by_layer(fields["nonfinite_count"])
        / total,
        "weight_norm": weight_norm,
    }
    if layout.has_updates:
        change = layout.sum_by_layer(fields["update_square_sum"])
        update_norm = np.sqrt(change) * trained
        out["update_norm"] = update_norm
        out["update_ratio"] = update_norm / weight_norm
    return out


def norms(fields: _Fields) -> np.ndarray:
    """Returns the norm of each variable's gradient, NaN where it has none."""
    largest, sums = fields["absolute_max"], fields["absolute_sum"]
    found = np.sqrt(fields["square_sum"])
    # NaN marks what is NaN, and an infinite gradient has an infinite norm.
    found = np.where(np.isposinf(largest) & ~np.isnan(sums), np.inf, found)
    found = np.where(np.isnan(sums), np.nan, found)
    return np.where(largest < 0, np.nan, found)


def scalars(
    fields: _Fields,
    layout: RowLayout,
    scale: np.ndarray,
    optimizer: Any,
    replicas: int,
) -> dict[str, np.ndarray]:
    """Returns the values of the whole step: global norm, and whether it was clipped."""
    present = ~(fields["absolute_max"] < 0)
    if not present.any():
        return {}
    each = np.where(present, norms(fields) / scale, 0.0)
    some = np.where(present.any(axis=1), 1.0, np.nan)
    found = {"global_gradient_norm": np.linalg.norm(each, axis=1) * some}
    # Each replica clips its own gradients, which are not the ones measured.
    if replicas == 1:
        largest = np.where(present, fields["absolute_max"] / scale, 0.0)
        clipped = hyperparameters.share_clipped(
            optimizer, layout.variables, each, largest
        )
        if clipped is not None:
            found["gradient_clipped"] = clipped * some
    return found
