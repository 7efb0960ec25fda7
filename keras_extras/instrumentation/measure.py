"""The reductions that run inside the step, written with `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

from keras import ops

from keras_extras.instrumentation.bundle import Bundle

HISTOGRAM_BINS = 30

GRADIENT_FIELDS = (
    "absolute_sum",
    "absolute_max",
    "nonzero_count",
    "square_sum",
    "scaled_square_sum",
    "nonfinite_count",
    "weight_square_sum",
    "update_square_sum",
)
LIMIT_FIELDS = ("held_count", "unit_count")
ACTIVATION_FIELDS = (
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
_SATURATED: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda y: y * (1.0 - y) <= 0.01 * 0.25,
    "tanh": lambda y: 1.0 - y * y <= 0.01,
    "softsign": lambda y: ops.abs(y) >= 0.9,
    "hard_sigmoid": lambda y: ops.logical_or(y <= 0.0, y >= 1.0),
    "hard_tanh": lambda y: ops.abs(y) >= 1.0,
    "relu6": lambda y: y >= 6.0,
}


def can_saturate(activation: str | None) -> bool:
    """Whether saturation is defined for the activation function of that name."""
    return activation in _SATURATED


class Moments(NamedTuple):
    """Statistics of what one layer returned; counts, so that calls can be merged."""

    count: Any
    mean: Any
    square_deviation: Any
    min: Any
    max: Any
    zero_count: Any
    saturated_count: Any
    peak: Any  # the largest magnitude of each unit


def as_float(x: Any) -> Any:
    """Returns `x` as float32 without a place in the backward pass."""
    return ops.cast(ops.stop_gradient(x), "float32")


def activation_moments(y: Any, activation: str | None, unit_axis: int) -> Moments:
    """Returns the moments of `y`, one call's output, already float32."""
    mean = ops.mean(y)
    saturated = _SATURATED.get(activation or "")
    return Moments(
        count=ops.cast(ops.size(y), "float32"),
        mean=mean,
        square_deviation=ops.sum(ops.square(y - mean)),
        min=ops.min(y),
        max=ops.max(y),
        zero_count=count(ops.equal(y, 0.0)),
        saturated_count=count(saturated(y)) if saturated else ops.zeros(()),
        peak=_peak_of_each_unit(y, unit_axis),
    )


def merge_moments(a: Moments, b: Moments) -> Moments:
    """Returns the moments of two calls of one layer taken together.

    References:
        Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm
        for computing sample variances".
    """
    total = a.count + b.count
    shift = b.mean - a.mean
    if a.peak.shape == b.peak.shape:
        peak = ops.maximum(a.peak, b.peak)
    else:
        peak = ops.concatenate([a.peak, b.peak])
    return Moments(
        count=total,
        mean=a.mean + shift * b.count / total,
        square_deviation=a.square_deviation
        + b.square_deviation
        + ops.square(shift) * a.count * b.count / total,
        min=ops.minimum(a.min, b.min),
        max=ops.maximum(a.max, b.max),
        zero_count=a.zero_count + b.zero_count,
        saturated_count=a.saturated_count + b.saturated_count,
        peak=peak,
    )


def gradient_sums(gradients: Bundle) -> list[Any]:
    """Returns the first six of `GRADIENT_FIELDS`, each as a vector over variables.

    Squares of vanishing gradients underflow and squares of exploding ones overflow
    in float32. Only when one of them is that far out are the squares of the
    gradients divided by their largest magnitude taken, and NaN and infinity counted.
    """
    magnitudes = gradients.map(ops.abs)
    sums, largest = magnitudes.sum(), magnitudes.max()
    usual = ops.logical_and(largest < 1e15, largest > 1e-12)
    usual = ops.logical_or(usual, ops.equal(sums, 0.0))

    def unusual_values() -> tuple[Any, Any]:
        scale = ops.where(largest > 0.0, 1.0 / largest, 1.0)
        counts = gradients.map(lambda g: 1.0 - ops.cast(ops.isfinite(g), "float32"))
        return magnitudes.scale(scale).square_sum(), counts.sum()

    nothing = ops.zeros_like(sums)
    scaled, nonfinite = ops.cond(
        ops.all(usual), lambda: (nothing, nothing), unusual_values
    )
    nonzero = magnitudes.map(ops.sign).sum()
    return [sums, largest, nonzero, gradients.square_sum(), scaled, nonfinite]


def count(condition: Any) -> Any:
    """Returns how many elements of `condition` hold, as float32."""
    return ops.sum(ops.cast(condition, "float32"))


def nonfinite_counts(tensors: list[Any], sums: list[Any]) -> Any:
    """Returns the number of NaN and infinite elements of each of `tensors`.

    Counting costs two passes over everything, so it is done only where `sums`,
    one per tensor, are not all finite.
    """

    def counted() -> Any:
        return ops.stack(
            [count(ops.logical_not(ops.isfinite(as_float(t)))) for t in tensors]
        )

    all_finite = ops.all(ops.isfinite(ops.stack(sums)))
    return ops.cond(all_finite, lambda: ops.zeros((len(tensors),)), counted)


def histogram(x: Any) -> Any:
    """Returns smallest value, largest value and the counts in equal bins between."""
    flat = ops.reshape(x, (-1,))
    low, high = ops.min(flat), ops.max(flat)
    width = ops.where(high > low, high - low, 1.0)
    position = ops.floor((flat - low) / width * HISTOGRAM_BINS)
    position = ops.cast(ops.clip(position, 0, HISTOGRAM_BINS - 1), "int32")
    counts = ops.segment_sum(ops.ones_like(flat), position, HISTOGRAM_BINS)
    return ops.concatenate([ops.stack([low, high]), counts])


def _peak_of_each_unit(y: Any, unit_axis: int) -> Any:
    magnitude = ops.abs(y)
    rank = len(y.shape)
    if rank < 2:
        return ops.reshape(ops.max(magnitude), (1,))
    others = [axis for axis in range(rank) if axis != unit_axis % rank]
    return ops.max(magnitude, axis=others)
