"""Judges the size of the steps that the optimizer takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import LARGE_UPDATE
from keras_extras.diagnostics.rules.common import PATIENCE
from keras_extras.diagnostics.rules.common import TINY
from keras_extras.diagnostics.rules.common import gradient_ratio
from keras_extras.diagnostics.rules.common import lasting
from keras_extras.diagnostics.rules.common import percent
from keras_extras.diagnostics.rules.common import power_of_ten
from keras_extras.diagnostics.rules.common import steps_trained
from keras_extras.diagnostics.rules.common import total
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import update_ratio
from keras_extras.diagnostics.rules.common import usual_norm
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.finding import Finding

TINY_UPDATE = 1e-6


def learning_rate_too_high(observations: Observations) -> Iterator[Finding]:
    """Updates replace much of the weights, and the training goes badly for it.

    References:
        Karpathy, CS231n, "Ratio of weights:updates" (about 1e-3 is usual);
        TheDeepChecker's upper limit of 1e-1.
    """
    rate = observations.statistics.get("learning_rate", np.empty(0))
    if len(rate) and np.nanmin(rate) < 0:
        yield whole(
            observations,
            "learning-rate-too-high",
            "error",
            None,
            f"the learning rate is {np.nanmin(rate):g}: a negative one drives the loss "
            "up",
            "Use a positive learning rate.",
            0.97,
        )
        return
    # Weights that are nearly 0 change by a large part whatever the rate.
    norms = np.maximum(
        total(observations, "weight_norm"), 0.2 * usual_norm(observations)
    )
    update = total(observations, "update_norm") / np.maximum(norms, TINY)
    bad = (update > LARGE_UPDATE) & ~(gradient_ratio(observations) > 10.0)
    span = lasting(observations, bad)
    if span is not None:
        now = float(np.median(update[-PATIENCE:]))
        yield Finding(
            code="learning-rate-too-high",
            severity=unless_good(observations, "error" if now > 1.0 else "warning"),
            layer=None,
            first_step=span[0],
            last_step=span[1],
            evidence=f"one update changes the weights by {now:.0%} (limit "
            f"{LARGE_UPDATE:.0%}, usual about 0.1 %)",
            remedy=f"Divide the learning rate by {power_of_ten(now / 1e-3)}, or warm "
            "it up; `keras_extras.find_learning_rate` suggests one.",
            confidence=0.85,
        )
        return
    yield from _damage(observations, update, norms)


def _damage(
    observations: Observations, update: np.ndarray, norms: np.ndarray
) -> Iterator[Finding]:
    """Early updates were large, and the training has not recovered from them."""
    outcome = observations.outcome
    # A training may be over after two steps.
    fewest = 3 if np.isfinite(outcome.last) else 1
    if len(update) < fewest or not outcome.is_wanting:
        return
    early = update[:10]
    largest = float(np.max(early[np.isfinite(early)], initial=0.0))
    # Of weights that are NaN by now, the last norm that was a number.
    known = norms[np.isfinite(norms)]
    growth = known[-1] / max(known[0], TINY) if len(known) else np.nan
    clear = largest > 1.0 and growth > 5.0
    # Embeddings start small: of a model that has learnt something, this is usual.
    if outcome.skill + 2.0 * outcome.doubt < 0.2:
        clear = largest > 0.5 and growth > 3.0
    if not outcome.is_poor and not clear:
        return
    if _went_well(observations):
        return
    risen = outcome.last > 1.5 * outcome.first or not np.isfinite(outcome.last)
    # Healthy trainings of small nets have steps of 40 %, or grow eight times.
    if not (
        largest > 0.5
        or (largest > 0.3 and growth > 3.0)
        or (largest > 0.1 and growth > 10.0)
        or (largest > 0.02 and growth > 1.3 and risen)
    ):
        return
    yield whole(
        observations,
        "learning-rate-too-high",
        "error" if risen or growth > 10.0 else "warning",
        None,
        f"an early update changed the weights by {percent(largest)} "
        f"(usual about 0.1 %), their norm has grown "
        f"{growth:.2g} times, and the model has not recovered",
        f"Divide the learning rate by {power_of_ten(max(largest / 3e-3, 10.0))}, or "
        "warm it up; `keras_extras.find_learning_rate` suggests one.",
        0.8,
    )


def _went_well(observations: Observations) -> bool:
    """Returns whether the loss was low until it was NaN: no rate has done that."""
    finite = observations.losses[np.isfinite(observations.losses)]
    if len(finite) == len(observations.losses) or len(finite) < 5:
        return False
    return bool(np.median(finite[-5:]) < 0.1 * np.mean(finite[:3]))


def learning_rate_too_low(observations: Observations) -> Iterator[Finding]:
    """All updates together can hardly have changed the weights, and it shows.

    Judged by the path that the weights can have gone so far, as a part of their norm,
    and by the loss: a model that is good from the start may take small steps.

    References:
        Karpathy, CS231n; SageMaker Debugger's WeightUpdateRatio (1e-8) and
        TheDeepChecker's lower limit (1e-4), both without regard to convergence.
    """
    update, gradient = update_ratio(observations), gradient_ratio(observations)
    steps = steps_trained(observations)
    ended = _ended_early(observations, update, gradient)
    if ended is not None:
        yield ended
        return
    if len(update) < PATIENCE or steps < 50 or observations.outcome.skill > 0.5:
        return
    # It may have been good from the start, or as good as can be.
    if not observations.outcome.first > 0.85 * observations.outcome.baseline:
        return
    usual = float(np.nanmedian(update))
    path = usual * steps
    tiny = bool((update < TINY_UPDATE).all() and (gradient > 1e-4).all())
    outcome = observations.outcome
    # A path of a tenth may be all it takes: then the loss must be on its way still.
    limit = 0.01 if steps < 100 else 0.1 if outcome.is_poor else 0.06
    if not outcome.is_poor and not _falls(observations):
        limit = 0.01
    slow = path < limit and outcome.skill <= 0.5 and gradient[-1] > 1e-4
    rising = outcome.last > 1.1 * outcome.first
    if not (tiny or (slow and not rising)):
        return
    yield whole(
        observations,
        "learning-rate-too-low",
        "warning",
        None,
        f"one update changes the weights by {usual:.1e} of their norm, so that "
        f"{steps} of them can move them by {path:.1e} of it at most (limit {limit:g}); "
        f"the gradient is {np.median(gradient):.1e} of it",
        f"Multiply the learning rate by {power_of_ten(1e-3 / max(usual, 1e-12))}; "
        "`keras_extras.find_learning_rate` suggests one.",
        0.9 if path < 0.01 else 0.75,
    )


def _ended_early(
    observations: Observations, update: np.ndarray, gradient: np.ndarray
) -> Finding | None:
    """The schedule lowered the learning rate to nearly 0 too early."""
    rate = observations.statistics.get("learning_rate", np.empty(0))
    outcome = observations.outcome
    if len(rate) < PATIENCE or not outcome.is_wanting:
        return None
    over = (update < 1e-5) & (gradient > 1e-2) & (rate < 1e-3 * np.max(rate))
    span = lasting(observations, over, patience=2)
    if span is None or observations.last_step - span[0] < 0.5 * steps_trained(
        observations
    ):
        return None
    return Finding(
        code="learning-rate-too-low",
        severity="warning",
        layer=None,
        first_step=span[0],
        last_step=observations.last_step,
        evidence=f"the schedule has taken the rate from {np.max(rate):.2g} to "
        f"{rate[-1]:.2g} by step {span[0]} of {observations.last_step}; the gradient "
        f"is {gradient[-1]:.1e} of the weights still",
        remedy="Lower the rate over the whole training, not within a part of it: "
        "schedules count steps, of which an epoch has many. "
        "`keras_extras.callbacks.OneCycleScheduler` is told how many there are.",
        confidence=0.85,
    )


def _falls(observations: Observations) -> bool:
    """Returns whether the loss is clearly lower than half-way through."""
    middle = len(observations.losses) // 2
    if middle < 5:
        return False
    around = observations.losses[middle - middle // 5 : middle + middle // 5 + 1]
    return bool(observations.outcome.last < 0.95 * np.mean(around))
