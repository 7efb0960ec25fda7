"""Statistics of what layers return."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_extras.backends.contract import ReplicaValues
from keras_extras.backends.contract import Stack

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


class Moments(NamedTuple):
    """Statistics of what one layer returned; counts, so that calls can be merged."""

    count: float
    mean: float
    square_deviation: float
    min: float
    max: float
    zero_count: float
    saturated_count: float
    nonfinite_count: float
    peak: np.ndarray  # the largest magnitude of each unit

    def row(self) -> list[float]:
        """Returns the values of `FIELDS`."""
        units = self.peak.size
        dead = np.count_nonzero(self.peak == 0.0) / max(units, 1)
        return [*self[:-1], dead, units]


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
    values = stack.values
    calls, rows, units = values.shape
    size = rows * units
    if not size:
        nothing = Moments(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros(0))
        return [nothing] * calls
    with np.errstate(all="ignore"):
        low, high = values.min(axis=1), values.max(axis=1)
        smallest, largest = low.min(axis=1), high.max(axis=1)
        flat = values.reshape(calls, size)
        mean = flat.mean(axis=1)
        apart = flat - mean[:, None]
        deviation = np.matmul(apart[:, None, :], apart[:, :, None])[:, 0, 0]
        zeros, nonfinite = np.zeros(calls), np.zeros(calls)
        for call in np.flatnonzero(~((smallest > 0.0) | (largest < 0.0))):
            zeros[call] = np.count_nonzero(flat[call] == 0.0)
        for call in np.flatnonzero(~np.isfinite(smallest + largest)):
            nonfinite[call] = np.count_nonzero(~np.isfinite(flat[call]))
        saturated = [
            float(np.count_nonzero(_SATURATED[name](each)))
            if name in _SATURATED
            else 0.0
            for name, each in zip(activations, flat)
        ]
        peak = np.maximum(np.abs(low), np.abs(high))
    columns = (mean, deviation, smallest, largest, zeros, saturated, nonfinite)
    table = np.stack([np.asarray(c, np.float64) for c in columns], axis=1).tolist()
    return [Moments(float(size), *row, each) for row, each in zip(table, peak)]


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
    if a.peak.shape == b.peak.shape:
        peak = np.maximum(a.peak, b.peak)
    else:
        peak = np.concatenate([a.peak, b.peak])
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
        peak=peak,
    )


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
