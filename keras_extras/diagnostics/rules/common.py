"""Computes and words what several rules need."""

from __future__ import annotations

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.records.finding import Finding
from keras_extras.records.finding import Severity

# How many samples in a row a condition must hold before a rule speaks.
PATIENCE = 5
TINY = 1e-300
# A step that moves the weights by more than a tenth of their norm forgets them.
LARGE_UPDATE = 0.1
# Early on a model is little more than a constant. A validation loss that never comes
# near that of the best constant for the training data is one of other data.
OTHER_DATA = 1.4


def lasting(
    observations: Observations, bad: np.ndarray, patience: int = PATIENCE
) -> tuple[int, int] | None:
    """Returns first and last step of a condition that holds at the last samples."""
    if len(bad) < patience or not bad[-patience:].all():
        return None
    good = np.flatnonzero(~bad)
    first = int(good[-1]) + 1 if len(good) else 0
    return int(observations.steps[first]), int(observations.steps[-1])


def whole(
    observations: Observations,
    code: str,
    severity: Severity,
    layer: str | None,
    evidence: str,
    remedy: str,
    confidence: float,
) -> Finding:
    """Returns a finding about the training as a whole, from its first step on."""
    first = int(observations.steps[0]) if len(observations.steps) else 0
    return Finding(
        code=code,
        severity=severity,
        layer=layer,
        first_step=first,
        last_step=max(observations.last_step, first),
        evidence=evidence,
        remedy=remedy,
        confidence=confidence,
    )


def if_poor(observations: Observations, severity: Severity = "warning") -> Severity:
    """Returns `severity` where the training is known to fail, `"info"` otherwise.

    For what many a training lives with: only the harm makes it a fault.
    """
    return severity if observations.outcome.is_poor else "info"


def unless_good(observations: Observations, severity: Severity = "warning") -> Severity:
    """Returns `severity`, or `"info"` when the training goes well all the same.

    For what is a fault in most trainings. Where nobody knows how well a training
    goes, it is taken to go well.
    """
    return severity if observations.outcome.is_wanting else "info"


def unless_excellent(
    observations: Observations, severity: Severity = "warning"
) -> Severity:
    """Returns `severity`, or `"info"` when the training could hardly go better.

    For what is a fault by its nature, and at times does no harm.
    """
    outcome = observations.outcome
    return "info" if outcome.is_excellent or not outcome.is_known else severity


def total(observations: Observations, statistic: str) -> np.ndarray:
    """Returns the norm over all layers of a norm per layer."""
    return np.sqrt(np.nansum(np.square(observations[statistic]), axis=1))


def update_ratio(observations: Observations) -> np.ndarray:
    """Returns by which part of their norm each sampled step changes the weights."""
    return total(observations, "update_norm") / np.maximum(
        total(observations, "weight_norm"), TINY
    )


def usual_norm(observations: Observations) -> float:
    """Returns the norm that the weights have in usual trainings, roughly."""
    specs = [spec for spec in observations.structure.layers if spec.trainable]
    kernels = sum(spec.kernel.units for spec in specs if spec.kernel is not None)
    tables = sum(spec.weights for spec in specs if spec.kind == "Embedding")
    return float(np.sqrt(kernels + 0.01 * tables))


def gradient_ratio(observations: Observations) -> np.ndarray:
    """Returns the norm of the gradient as a multiple of that of the weights."""
    return total(observations, "gradient_norm") / np.maximum(
        total(observations, "weight_norm"), TINY
    )


def steps_trained(observations: Observations) -> int:
    """Returns the number of steps since the first one that was sampled."""
    return (
        observations.last_step - int(observations.steps[0]) + 1
        if len(observations.steps)
        else 0
    )


def is_long(observations: Observations) -> bool:
    """Returns whether a training went on for 200 steps, and for two epochs."""
    epochs = max(map(len, observations.epochs.values()), default=0)
    return epochs >= 2 and steps_trained(observations) >= 200


def fails(observations: Observations) -> bool:
    """Returns whether nothing came of a training: no model needs such weights."""
    outcome = observations.outcome
    if np.isneginf(outcome.skill):
        return not observations.survived
    if not outcome.is_at_chance:
        return False
    return is_long(observations) or (
        outcome.is_worse and steps_trained(observations) >= 100
    )


def power_of_ten(factor: float) -> str:
    """Returns a factor as text, rounded to a power of ten; a huge one says little."""
    exponent = np.log10(factor)
    if not exponent < 4.5:
        return "10,000 or more"
    return f"{10 ** round(exponent):,.0f}"


def percent(share: float) -> str:
    """Returns a share as text that stays short when it explodes."""
    if share < 10:
        return f"{share:.0%}"
    times = f"{share:,.0f}" if share < 1e5 else f"{share:.0e}"
    return f"{times} times their norm"
