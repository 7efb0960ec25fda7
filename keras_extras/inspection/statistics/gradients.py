"""Statistics of gradients and of what the optimizer makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras.backends.contract import Stack
from keras_extras.inspection.row_layout import RowLayout
from keras_extras.inspection.statistics import blocks
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
    for members, values in blocks.joined(gradients):
        block[list(members), _GRADIENT] = gradient_sums(values)


def measure_updates(
    block: np.ndarray, before: Sequence[Stack], after: Sequence[Stack] | None
) -> None:
    """Writes the sums of squares of weights, and of their change if that is known."""
    joined = blocks.joined(before)
    for members, old in joined:
        block[list(members), _WEIGHT] = square_sums(old)
    if after is not None:
        for (members, old), (_, new) in zip(joined, blocks.joined(after)):
            block[list(members), _UPDATE] = square_sums(new, old)


def forget_updates(block: np.ndarray, trained: Sequence[int]) -> None:
    """Forgets weights and updates of what is frozen: the optimizer leaves it alone."""
    frozen = np.ones(len(block), bool)
    frozen[list(trained)] = False
    block[frozen, _WEIGHT:] = _NO_UPDATE


def are_finite(block: np.ndarray) -> bool:
    """Returns whether all gradients are whose fields are in the block."""
    return not block[:, FIELDS.index("nonfinite_count")].any()


def gradient_sums(values: np.ndarray) -> np.ndarray:
    """Returns the first five of `FIELDS` for each row of `(variables, elements)`."""
    total, largest, nonzero, squares, nonfinite = np.zeros((5, len(values)))
    with np.errstate(all="ignore"):
        for rows, piece in blocks.blocks(values):
            magnitudes = np.abs(piece, out=blocks.scratch(piece))
            sums = blocks.sums(magnitudes)
            total[rows] += sums
            largest[rows] = np.maximum(largest[rows], magnitudes.max(axis=1))
            squares[rows] += blocks.square_sums(magnitudes)
            nonzero[rows] += piece.shape[1]
            if not magnitudes.min() > 0.0:  # or there is NaN
                nonzero[rows] -= blocks.count(piece == 0.0)
            if not np.isfinite(sums).all():
                nonfinite[rows] += blocks.count(~np.isfinite(piece))
        usual = ((largest > 1e-12) & (largest < 1e15)) | (largest == 0.0)
        _sum_in_double(squares, values, ~usual)
    return np.stack([total, largest, nonzero, squares, nonfinite], axis=1)


def square_sums(values: np.ndarray, minus: np.ndarray | None = None) -> np.ndarray:
    """Returns the sum of the squares of each row, or of its difference to another."""
    found = np.zeros(len(values))
    others = values if minus is None else minus
    with np.errstate(all="ignore"):
        for (rows, piece), (_, other) in zip(
            blocks.blocks(values), blocks.blocks(others)
        ):
            if minus is not None:
                piece = np.subtract(piece, other, out=blocks.scratch(piece))
            found[rows] += blocks.square_sums(piece)
        _sum_in_double(found, values, ~((found > 1e-24) & (found < 1e30)), minus)
    return found


def _sum_in_double(
    found: np.ndarray,
    values: np.ndarray,
    which: np.ndarray,
    minus: np.ndarray | None = None,
) -> None:
    """Sums the squares of those rows again, where float32 under- or overflows."""
    for row in np.flatnonzero(which):
        exact = values[row].astype(np.float64)
        if minus is not None:
            exact -= minus[row]
        found[row] = np.square(exact).sum()


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
