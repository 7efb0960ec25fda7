"""Statistics of samples that are seen once and not kept."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

from keras import ops

Tensor = Any


class Running(NamedTuple):
    """Holds what is known of one output after some samples.

    Attributes:
        mean: Mean over the samples.
        squares: Sum over the samples of the squared distance from the mean.
        entropy: Sum over the samples of the entropy along the last axis, nats.
        votes: How often each class was the most probable one.
        low: Smallest value of all.
        excess: Largest distance of a sum along the last axis from 1.
        aleatoric: Mean over the samples of the predicted variance.
    """

    mean: Tensor
    squares: Tensor
    entropy: Tensor
    votes: Tensor
    low: Tensor
    excess: Tensor
    aleatoric: Tensor


def start(rank: int, has_variance: bool) -> Running:
    """Returns the statistics of no sample, which broadcast to any shape.

    Args:
        rank: Number of axes of the output, that of the batch included.
        has_variance: Whether half of the last axis holds variances.
    """
    full, rows = (1,) * rank, (1,) * max(rank - 1, 1)
    zero = lambda shape: ops.zeros(shape, "float32")
    return Running(
        mean=zero(full),
        squares=zero(full),
        entropy=zero(rows),
        votes=zero(full),
        low=ops.full((), float("inf"), "float32"),
        excess=zero(()),
        aleatoric=zero(full if has_variance else ()),
    )


def update(
    state: Running, samples: Tensor, count: Tensor, has_variance: bool
) -> Running:
    """Adds samples to the statistics.

    Args:
        state: The statistics of `count` samples.
        samples: Floats, `(samples, rows, ...)`.
        count: Float, how many samples are in `state`.
        has_variance: Whether the second half of the last axis holds variances.
    """
    added = ops.cast(ops.shape(samples)[0], "float32")
    share = added / (count + added)
    aleatoric = state.aleatoric
    if has_variance:
        samples, variances = ops.split(samples, 2, axis=-1)
        aleatoric += (ops.mean(variances, axis=0) - aleatoric) * share
    mean = ops.mean(samples, axis=0)
    squares = ops.sum(ops.square(samples - mean), axis=0)
    # Chan, Golub & LeVeque (1979): two groups of samples merged.
    step = mean - state.mean
    return Running(
        mean=state.mean + step * share,
        squares=state.squares + squares + ops.square(step) * count * share,
        aleatoric=aleatoric,
        **_update_classes(state, samples),
    )


def _update_classes(state: Running, samples: Tensor) -> dict[str, Tensor]:
    low = ops.minimum(state.low, ops.min(samples))
    if len(samples.shape) < 3 or samples.shape[-1] is None:  # no axis of classes
        return {
            "entropy": state.entropy,
            "votes": state.votes,
            "low": low,
            "excess": ops.full((), float("inf"), "float32"),
        }
    if samples.shape[-1] == 1:
        yes = ops.cast(samples > 0.5, "float32")
        entropy = entropy_of(samples) + entropy_of(1.0 - samples)
        highest = ops.maximum(ops.max(samples) - 1.0, 0.0)
        return {
            "entropy": state.entropy + ops.sum(entropy, axis=0),
            "votes": state.votes + ops.sum(yes, axis=0),
            "low": low,
            "excess": ops.maximum(state.excess, highest),
        }
    winners = ops.one_hot(ops.argmax(samples, axis=-1), samples.shape[-1])
    sums = ops.sum(samples, axis=-1)
    return {
        "entropy": state.entropy + ops.sum(entropy_of(samples), axis=0),
        "votes": state.votes + ops.sum(winners, axis=0),
        "low": low,
        "excess": ops.maximum(state.excess, ops.max(ops.abs(sums - 1.0))),
    }


def entropy_of(probabilities: Tensor) -> Tensor:
    """Returns the sum of `-p log p` along the last axis, 0 where p is 0."""
    positive = ops.maximum(probabilities, 1e-37)
    return -ops.sum(probabilities * ops.log(positive), axis=-1)
