"""Statistics of what layers return."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_extras.backends.contract import ReplicaValues
from keras_extras.backends.contract import Stack
from keras_extras.inspection.statistics import blocks

FIELDS = (
    "count",
    "mean",
    "square_deviation",
    "min",
    "max",
    "zero_count",
    "saturated_count",
    "nonfinite_count",
    "dead_fraction",
    "units",
)

# An output is saturated where the slope of its function is at most 1 % of the
# largest slope that function has.
_SATURATED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": lambda y: y * (1.0 - y) <= 0.01 * 0.25,
    "tanh": lambda y: 1.0 - y * y <= 0.01,
    "softsign": lambda y: np.abs(y) >= 0.9,
    "hard_sigmoid": lambda y: (y <= 0.0) | (y >= 1.0),
    "hard_tanh": lambda y: np.abs(y) >= 1.0,
    "relu6": lambda y: y >= 6.0,
}


def can_saturate(activation: str | None) -> bool:
    """Returns whether saturation is defined for the function of that name."""
    return activation in _SATURATED


@dataclass(frozen=True, slots=True)
class Moments:
    """Statistics of what one layer returned, which those of other calls can join."""

    units: int
    dead: np.ndarray | None  # which units are 0 throughout; None for no one
    count: float = 0.0
    mean: float = 0.0
    square_deviation: float = 0.0
    min: float = 0.0
    max: float = 0.0
    zero_count: float = 0.0
    saturated_count: float = 0.0
    nonfinite_count: float = 0.0

    def row(self) -> list[float]:
        """Returns the values of `FIELDS`."""
        dead = 0 if self.dead is None else np.count_nonzero(self.dead)
        return [
            self.count,
            self.mean,
            self.square_deviation,
            self.min,
            self.max,
            self.zero_count,
            self.saturated_count,
            self.nonfinite_count,
            dead / max(self.units, 1),
            self.units,
        ]


def measure_outputs(
    layers: int, replicas: Iterable[ReplicaValues], activations: Sequence[str | None]
) -> np.ndarray:
    """Returns the fields of each layer; zeros for one that returned nothing.

    Calls of one layer are taken together, and so are replicas.
    """
    merged: dict[int, Moments] = {}
    for replica in replicas:
        for stack in replica.outputs:
            owners = [replica.calls[member] for member in stack.members]
            found = moments(stack, [activations[owner] for owner in owners])
            for owner, each in zip(owners, found):
                known = merged.get(owner)
                merged[owner] = each if known is None else merge(known, each)
    block = np.zeros((layers, len(FIELDS)))
    for layer, each in merged.items():
        block[layer] = each.row()
    return block


def moments(stack: Stack, activations: Sequence[str | None]) -> list[Moments]:
    """Returns the moments of each call in a stack."""
    calls, rows, units = stack.values.shape
    size = rows * units
    if not size:
        return [Moments(0, None)] * calls
    flat = stack.values.reshape(calls, size)
    with np.errstate(all="ignore"):
        smallest, largest = flat.min(axis=1), flat.max(axis=1)
        total, deviation = _sums(flat)
        zeros, dead = _zeros(stack.values, smallest, largest)
        nonfinite = np.zeros(calls)
        for call in np.flatnonzero(~np.isfinite(smallest + largest)):
            nonfinite[call] = np.count_nonzero(~np.isfinite(flat[call]))
        saturated = [
            np.count_nonzero(_SATURATED[name](each)) if name in _SATURATED else 0
            for name, each in zip(activations, flat)
        ]
    columns = (total / size, deviation, smallest, largest, zeros, saturated, nonfinite)
    table = np.stack([np.asarray(c, np.float64) for c in columns], axis=1).tolist()
    return [Moments(units, each, size, *row) for row, each in zip(table, dead)]


def _sums(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sum of each row, and that of its squared distances to its mean."""
    total, deviation = np.zeros((2, len(flat)))
    for rows, piece in blocks.blocks(flat):
        total[rows] += blocks.sums(piece)
    means = (total / flat.shape[1]).astype(np.float32)
    for rows, piece in blocks.blocks(flat):
        apart = np.subtract(piece, means[rows, None], out=blocks.scratch(piece))
        deviation[rows] += blocks.square_sums(apart)
    return total, deviation


def _zeros(
    values: np.ndarray, smallest: np.ndarray, largest: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray | None]]:
    """Returns how many values of each call are 0, and which units throughout."""
    counts = np.zeros(len(values))
    dead: list[np.ndarray | None] = [None] * len(values)
    for call in np.flatnonzero(~((smallest > 0.0) | (largest < 0.0))):
        zero = values[call] == 0.0
        counts[call] = np.count_nonzero(zero)
        if counts[call] >= len(zero):
            mask = zero.all(axis=0)
            dead[call] = mask if mask.any() else None
    return counts, dead


def merge(a: Moments, b: Moments) -> Moments:
    """Returns the moments of two calls of one layer taken together.

    References:
        Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm
        for computing sample variances".
    """
    total = a.count + b.count
    if not total:
        return a
    shift = b.mean - a.mean
    units, dead = _join_units(a, b)
    return Moments(
        count=total,
        mean=a.mean + shift * b.count / total,
        square_deviation=a.square_deviation
        + b.square_deviation
        + shift * shift * a.count * b.count / total,
        min=min(a.min, b.min),
        max=max(a.max, b.max),
        zero_count=a.zero_count + b.zero_count,
        saturated_count=a.saturated_count + b.saturated_count,
        nonfinite_count=a.nonfinite_count + b.nonfinite_count,
        units=units,
        dead=dead,
    )


def _join_units(a: Moments, b: Moments) -> tuple[int, np.ndarray | None]:
    """Returns the units of two calls: the same ones, or else those of both."""
    if a.units == b.units:
        if a.dead is None or b.dead is None:
            return a.units, None
        return a.units, a.dead & b.dead
    masks = [np.zeros(x.units, bool) if x.dead is None else x.dead for x in (a, b)]
    return a.units + b.units, np.concatenate(masks)


def statistics(
    fields: Mapping[str, np.ndarray], activations: Sequence[str | None]
) -> dict[str, np.ndarray]:
    """Returns the statistics of each layer from arrays of shape `(steps, layers)`."""
    total = np.where(fields["count"] > 0, fields["count"], np.nan)
    present = np.where(np.isnan(total), np.nan, 1.0)
    saturates = [can_saturate(name) for name in activations]
    saturated = np.where(saturates, fields["saturated_count"] / total, np.nan)
    return {
        "activation_mean": fields["mean"] * present,
        "activation_std": np.sqrt(fields["square_deviation"] / total),
        "activation_min": fields["min"] * present,
        "activation_max": fields["max"] * present,
        "activation_zero_fraction": fields["zero_count"] / total,
        "activation_dead_fraction": fields["dead_fraction"] * present,
        "activation_saturated_fraction": saturated,
        "activation_nonfinite_fraction": fields["nonfinite_count"] / total,
        "activation_values_per_unit": total / fields["units"],
    }
