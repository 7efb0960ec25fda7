"""Statistics of samples that are seen once and not kept."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

import numpy as np
from keras import ops

Tensor = Any
_NEARLY = 1e-3


class Running(NamedTuple):
    """Holds what is known of one output after some samples.

    Attributes:
        mean: Mean over the samples.
        squares: Sum over the samples of the squared distance from the mean.
        entropy: Sum over the samples of the entropy along the last axis, nats.
        votes: How often each class was the most probable one.
        label_entropy: Sum over the samples of the entropy of each value, as that of a
            label for itself; only where values look like several probabilities.
        label_votes: How often each value was above one half; only there.
        low: Smallest value of all.
        high: Largest value of all.
        excess: Largest distance of a sum along the last axis from 1.
        aleatoric: Mean over the samples of the predicted variance.
    """

    mean: Tensor
    squares: Tensor
    entropy: Tensor
    votes: Tensor
    label_entropy: Tensor
    label_votes: Tensor
    low: Tensor
    high: Tensor
    excess: Tensor
    aleatoric: Tensor


def start(rank: int, has_variance: bool) -> Running:
    """Returns the statistics of no sample, arrays that broadcast to any shape.

    Args:
        rank: Number of axes of the output, that of the batch included.
        has_variance: Whether half of the last axis holds variances.
    """
    full, rows = (1,) * rank, (1,) * max(rank - 1, 1)
    zero = lambda shape: np.zeros(shape, "float32")
    return Running(
        mean=zero(full),
        squares=zero(full),
        entropy=zero(rows),
        votes=zero(full),
        label_entropy=zero(full),
        label_votes=zero(full),
        low=np.array(np.inf, "float32"),
        high=np.array(-np.inf, "float32"),
        excess=zero(()),
        aleatoric=zero(full if has_variance else ()),
    )


def update(
    state: Running,
    samples: Tensor,
    count: Tensor,
    has_variance: bool,
    valid: Tensor | None = None,
    may_be_labels: bool = True,
) -> Running:
    """Adds samples to the statistics.

    Args:
        state: The statistics of `count` samples.
        samples: Floats, `(samples, rows, ...)`.
        count: Float, how many samples are in `state`.
        has_variance: Whether the second half of the last axis holds variances.
        valid: Booleans, `(samples, rows)`, which samples to add, and of which rows:
            as many for each of these rows. `None` for all.
        may_be_labels: Whether values may be probabilities each of its own.
    """
    added = _number(samples, valid)
    share = added / (count + added)
    aleatoric = state.aleatoric
    if has_variance:
        samples, variances = ops.split(samples, 2, axis=-1)
        step = _mean(variances, valid, added) - aleatoric
        aleatoric = aleatoric + step * share
    mean = _mean(samples, valid, added)
    squares = _sum(ops.square(samples - mean), valid)
    # Chan, Golub & LeVeque (1979): two groups of samples merged.
    step = mean - state.mean
    return Running(
        mean=state.mean + step * share,
        squares=state.squares + squares + ops.square(step) * count * share,
        aleatoric=aleatoric,
        **_update_classes(state, samples, valid, may_be_labels),
    )


def _update_classes(
    state: Running, samples: Tensor, valid: Tensor | None, may_be_labels: bool
) -> dict[str, Tensor]:
    infinity = float("inf")
    low = ops.minimum(state.low, ops.min(_only(samples, valid, infinity)))
    high = ops.maximum(state.high, ops.max(_only(samples, valid, -infinity)))
    found = {
        "entropy": state.entropy,
        "votes": state.votes,
        "label_entropy": state.label_entropy,
        "label_votes": state.label_votes,
        "low": low,
        "high": high,
        "excess": state.excess,
    }
    if len(samples.shape) < 3 or samples.shape[-1] is None:  # no axis of classes
        return {**found, "excess": ops.full((), infinity, "float32")}
    if samples.shape[-1] == 1:
        yes = ops.cast(samples > 0.5, "float32")
        entropy = entropy_of(samples) + entropy_of(1.0 - samples)
        return {
            **found,
            "entropy": state.entropy + _sum(entropy, valid),
            "votes": state.votes + _sum(yes, valid),
            "excess": ops.maximum(high - 1.0, 0.0),
        }
    winners = ops.one_hot(ops.argmax(samples, axis=-1), samples.shape[-1])
    off = ops.abs(ops.sum(samples, axis=-1) - 1.0)
    excess = ops.maximum(state.excess, ops.max(_only(off, valid, 0.0)))
    found |= {
        "entropy": state.entropy + _sum(entropy_of(samples), valid),
        "votes": state.votes + _sum(winners, valid),
        "excess": excess,
    }
    if not may_be_labels:
        return found
    are_labels = (low >= -_NEARLY) & (high <= 1.0 + _NEARLY) & (excess > _NEARLY)
    label_entropy, label_votes = _update_labels(state, samples, valid, are_labels)
    return {
        **found,
        "label_entropy": label_entropy,
        "label_votes": label_votes,
    }


def _update_labels(
    state: Running, samples: Tensor, valid: Tensor | None, are_labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Adds up what several labels need, which costs classes nothing."""

    def add() -> tuple[Tensor, Tensor]:
        one, other = samples[..., None], 1.0 - samples[..., None]
        entropy = entropy_of(one) + entropy_of(other)
        yes = ops.cast(samples > 0.5, "float32")
        return (
            state.label_entropy + _sum(entropy, valid),
            state.label_votes + _sum(yes, valid),
        )

    def keep() -> tuple[Tensor, Tensor]:
        nothing = ops.zeros_like(samples[0])
        return state.label_entropy + nothing, state.label_votes + nothing

    return ops.cond(are_labels, add, keep)


def _number(samples: Tensor, valid: Tensor | None) -> Tensor:
    if valid is None:
        return ops.cast(ops.shape(samples)[0], "float32")
    return ops.max(ops.sum(ops.cast(valid, "float32"), axis=0))


def _mean(values: Tensor, valid: Tensor | None, number: Tensor) -> Tensor:
    return ops.mean(values, axis=0) if valid is None else _sum(values, valid) / number


def _sum(values: Tensor, valid: Tensor | None) -> Tensor:
    return ops.sum(_only(values, valid, 0.0), axis=0)


def _only(values: Tensor, valid: Tensor | None, other: float) -> Tensor:
    """Returns the values, and another in the place of those that are not valid."""
    if valid is None:
        return values
    shape = (*valid.shape, *[1] * (len(values.shape) - 2))
    return ops.where(ops.reshape(valid, shape), values, other)


def entropy_of(probabilities: Tensor) -> Tensor:
    """Returns the sum of `-p log p` along the last axis, 0 where p is 0."""
    positive = ops.maximum(probabilities, 1e-37)
    return -ops.sum(probabilities * ops.log(positive), axis=-1)
