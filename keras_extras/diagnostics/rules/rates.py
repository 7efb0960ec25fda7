"""Whether the steps that the optimizer takes are of a useful size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.finding import Finding
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import PATIENCE
from keras_extras.diagnostics.rules.common import gradient_ratio
from keras_extras.diagnostics.rules.common import lasting
from keras_extras.diagnostics.rules.common import power_of_ten
from keras_extras.diagnostics.rules.common import steps_trained
from keras_extras.diagnostics.rules.common import total
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import update_ratio
from keras_extras.diagnostics.rules.common import whole

LARGE_UPDATE = 0.1
TINY_UPDATE = 1e-6


def learning_rate_too_high(seen: Observations) -> Iterator[Finding]:
    """Updates replace much of the weights, and the training goes badly for it.

    References:
        Karpathy, CS231n, "Ratio of weights:updates" (about 1e-3 is usual);
        TheDeepChecker's upper limit of 1e-1.
    """
    rate = seen.statistics.get("learning_rate", np.empty(0))
    if len(rate) and np.nanmin(rate) < 0:
        yield whole(
            seen,
            "learning-rate-too-high",
            "error",
            None,
            f"the learning rate is {np.nanmin(rate):g}: a negative one drives the loss "
            "up",
            "Use a positive learning rate.",
            0.97,
        )
        return
    update, gradient = update_ratio(seen), gradient_ratio(seen)
    bad = (update > LARGE_UPDATE) & ~(gradient > 10.0)
    span = lasting(seen, bad)
    if span is not None:
        now = float(np.median(update[-PATIENCE:]))
        yield Finding(
            code="learning-rate-too-high",
            severity=unless_good(seen, "error" if now > 1.0 else "warning"),
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
    yield from _damage(seen, update)


def _damage(seen: Observations, update: np.ndarray) -> Iterator[Finding]:
    """Early updates were large, and the training has not recovered from them."""
    if len(update) < 3 or not seen.outcome.is_poor:
        return
    largest = float(np.nanmax(update[:10]))
    norms = total(seen, "weight_norm")
    growth = norms[-1] / max(norms[0], 1e-12)
    outcome = seen.outcome
    risen = outcome.last > 1.5 * outcome.first or not np.isfinite(outcome.last)
    if (
        largest < LARGE_UPDATE
        and not (growth > 3.0 and largest > 0.03)
        and not (risen and largest > 0.02)
    ):
        return
    yield whole(
        seen,
        "learning-rate-too-high",
        "error" if risen or growth > 10.0 else "warning",
        None,
        f"an early update changed the weights by {largest:.0%} (limit "
        f"{LARGE_UPDATE:.0%}, usual about 0.1 %), their norm has grown {growth:.2g} "
        "times, and the model has not recovered",
        f"Divide the learning rate by {power_of_ten(max(largest / 3e-3, 10.0))}, or "
        "warm it up; `keras_extras.find_learning_rate` suggests one.",
        0.8,
    )


def learning_rate_too_low(seen: Observations) -> Iterator[Finding]:
    """All updates together can hardly have changed the weights, and it shows.

    Judged by the path that the weights can have gone so far, as a part of their norm,
    and by the loss: a model that is good from the start may take small steps.

    References:
        Karpathy, CS231n; SageMaker Debugger's WeightUpdateRatio (1e-8) and
        TheDeepChecker's lower limit (1e-4), both without regard to convergence.
    """
    update, gradient = update_ratio(seen), gradient_ratio(seen)
    steps = steps_trained(seen)
    if len(update) < 8 or steps < 50 or seen.outcome.skill > 0.5:
        return
    usual = float(np.nanmedian(update))
    path = usual * steps
    tiny = bool((update < TINY_UPDATE).all() and (gradient > 1e-4).all())
    outcome = seen.outcome
    unfinished = outcome.skill <= 0.3 or (outcome.skill <= 0.5 and _falls(seen))
    slow = path < (0.1 if steps >= 100 else 0.01) and unfinished and gradient[-1] > 1e-4
    rising = outcome.last > 1.1 * outcome.first
    if not (tiny or (slow and not rising)):
        return
    yield whole(
        seen,
        "learning-rate-too-low",
        "warning",
        None,
        f"one update changes the weights by {usual:.1e} of their norm, so that "
        f"{steps} of them can move them by {path:.1e} of it at most (limit 0.1); the "
        f"gradient is {np.median(gradient):.1e} of it",
        f"Multiply the learning rate by {power_of_ten(1e-3 / max(usual, 1e-12))}; "
        "`keras_extras.find_learning_rate` suggests one.",
        0.9 if path < 0.01 else 0.75,
    )


def _falls(seen: Observations) -> bool:
    """Whether the loss is clearly lower than half-way through, and so not yet done."""
    middle = len(seen.losses) // 2
    if middle < 5:
        return False
    around = seen.losses[middle - middle // 5 : middle + middle // 5 + 1]
    return bool(seen.outcome.last < 0.95 * np.mean(around))
