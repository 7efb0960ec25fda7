"""Judges the course of the loss, in training and validation."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping

import numpy as np

from keras_extras.diagnostics.neighbours import reconstructs
from keras_extras.diagnostics.neighbours import relation
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.outcome import Outcome
from keras_extras.diagnostics.rules.common import OTHER_DATA
from keras_extras.diagnostics.rules.common import is_long
from keras_extras.diagnostics.rules.common import steps_trained
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.finding import Finding

# How many times the loss of the rows trained on the validation loss is by then.
BY_HEART = 6.0


def oscillating_loss(observations: Observations) -> Iterator[Finding]:
    """The loss jumps up and down from epoch to epoch, and does not settle.

    References:
        AUTOTRAINER (Zhang et al., 2021), "oscillating loss"; TheDeepChecker's
        smoothness of the loss.
    """
    losses = observations.epochs.get("loss", np.empty(0))
    if len(losses) < 6 or not np.isfinite(losses).all() or losses.min() <= 0.0:
        return
    if not observations.outcome.is_poor:
        return
    recent = losses[len(losses) // 4 :]
    change = np.diff(recent) / np.maximum(np.minimum(recent[1:], recent[:-1]), 1e-12)
    jumps = int(np.sum(change > 0.2))
    if jumps < max(2, 0.25 * len(change)):
        return
    yield whole(
        observations,
        "oscillating-loss",
        "warning",
        None,
        f"in {jumps} of the last {len(change)} epochs the loss rose by 20 % or more, "
        f"by up to {change.max():.0%}",
        "Lower the learning rate or the momentum, or use larger batches; "
        "`keras_extras.callbacks.OneCycleScheduler` ends at a low rate.",
        0.7,
    )


def overfitting(observations: Observations) -> Iterator[Finding]:
    """The validation loss has long been rising while the training loss falls.

    References:
        Prechelt (1998), "Early stopping - but when?"; losslint's and SageMaker
        Debugger's rules, which speak at 10 % already.
    """
    validation = observations.epochs.get("val_loss", np.empty(0))
    training = observations.epochs.get("loss", np.empty(0))
    if len(validation) < 5 or len(validation) != len(training):
        return
    if not (np.isfinite(validation).all() and np.isfinite(training).all()):
        return
    if training.min() <= 0.0 or _averages_lag(observations):
        return  # of a likelihood, a third more or less has no meaning
    evidence = (
        _rises(observations, training, validation)
        or _memorised(observations, training, validation)
        or _gap(observations.epochs, validation)
    )
    if evidence is None:
        return
    yield whole(
        observations,
        "overfitting",
        "info" if observations.keeps_best else "warning",
        None,
        evidence,
        "Stop at the best epoch, `keras.callbacks.EarlyStopping(patience=3, "
        "restore_best_weights=True)`, and try dropout, a penalty, a smaller model or "
        "more data.",
        0.8,
    )


def _averages_lag(observations: Observations) -> bool:
    """Returns whether batch normalisation may still lag behind the training."""
    normalised = any(
        p.kind == "BatchNormalization" for p in observations.structure.layers
    )
    return normalised and steps_trained(observations) < 300


def _levels(values: np.ndarray) -> np.ndarray:
    """Returns medians of three: one lucky epoch is no level."""
    return np.median(np.lib.stride_tricks.sliding_window_view(values, 3), axis=1)


def _rises(
    observations: Observations, training: np.ndarray, validation: np.ndarray
) -> str | None:
    if _still_right(observations):
        return None
    levels = _levels(validation)
    best = int(np.argmin(levels)) + 1
    lowest, recent = float(levels.min()), float(levels[-1])
    now = float(np.median(training[-3:]))
    since = len(validation) - 1 - best
    if since < 3 or recent < 1.3 * lowest or recent < 2.0 * now:
        return None
    if now > 0.9 * training[best]:
        return None
    baseline = observations.outcome.baseline
    start = (
        baseline
        if np.isfinite(baseline)
        else max(observations.outcome.first, *validation)
    )
    # Of what was learnt about other data, most must still be there; a part of it where
    # the model overfits the rows trained on.
    by_heart = recent > BY_HEART * now and _keeps_rising(validation[best:])
    lost = recent - lowest > 0.4 * (start - lowest)
    if not lost and not (by_heart and recent > 0.25 * start):
        return None
    return (
        f"the validation loss has risen from {lowest:.3g} in epoch {best + 1} to "
        f"{recent:.3g}, the training loss has fallen to {now:.3g}"
    )


def _keeps_rising(values: np.ndarray) -> bool:
    """Returns whether nearly all values are above most of those before them."""
    pairs = np.sign(values[None, :] - values[:, None])
    upper = pairs[np.triu_indices(len(values), 1)]
    return bool(len(upper) and upper.mean() > 0.5)


def _still_right(observations: Observations) -> bool:
    """Returns whether the model is right as often as it ever was, on other data."""
    chance = observations.outcome.chance
    fair = chance + 0.5 * (1.0 - chance) if np.isfinite(chance) else 0.9
    for name, values in observations.epochs.items():
        if not name.startswith("val_") or len(values) < 3:
            continue
        recent = float(np.median(values[-3:]))
        if name in ("val_accuracy", "val_acc") and recent > fair:
            return bool(recent > values.max() - 0.06)
        if "auc" in name and recent > 0.75:
            return bool(recent > values.max() - 0.03)
    return False


def _memorised(
    observations: Observations, training: np.ndarray, validation: np.ndarray
) -> str | None:
    baseline, lowest = observations.outcome.baseline, validation.min()
    by_heart = training[-1] < 0.2 * baseline and lowest > 0.85 * baseline
    worse = training[-1] < 0.9 * baseline and validation[-1] > 1.1 * lowest
    in_vain = worse and lowest > 0.98 * baseline
    if not (by_heart or in_vain) or lowest < 0.6 * validation[0]:
        return None
    if lowest > OTHER_DATA * baseline:
        return None
    return (
        f"the training loss has fallen to {training[-1]:.3g}, the validation loss has "
        f"never been below {lowest:.3g}; a constant prediction has "
        f"{baseline:.3g}"
    )


def _gap(epochs: Mapping[str, np.ndarray], validation: np.ndarray) -> str | None:
    levels = _levels(validation)
    if levels[-1] < 1.15 * levels.min():
        return None
    for name in ("accuracy", "acc"):
        training, held_out = epochs.get(name), epochs.get(f"val_{name}")
        if training is None or held_out is None or len(held_out) < 8:
            continue
        gap = float(np.median(training[-3:]) - np.median(held_out[-3:]))
        rises = held_out[-1] > held_out[:-1].max() + 0.01
        if gap > 0.25 and not rises:
            return (
                f"training accuracy is {training[-1]:.1%}, validation accuracy "
                f"{held_out[-1]:.1%} (limit of the difference 25 %)"
            )
    return None


def not_learning(observations: Observations) -> Iterator[Finding]:
    """The model is no better than a constant, and no other rule knows why.

    References:
        SageMaker Debugger's LossNotDecreasing; TheDeepChecker's initial loss.
    """
    outcome, steps = observations.outcome, steps_trained(observations)
    if steps < 100 or not outcome.is_at_chance:
        return
    may_be_noise = not outcome.is_worse and not _could_be_learnt(observations)
    lasts = is_long(observations)
    if may_be_noise and (not lasts or reconstructs(observations)):
        return
    yield whole(
        observations,
        "not-learning",
        "error" if lasts and not may_be_noise else "warning",
        None,
        f"after {steps} steps the loss is {outcome.last:.3g}; {_reference(outcome)}"
        + (
            ". Inputs that are alike do not have like targets: these may be noise"
            if may_be_noise
            else ""
        ),
        "Try to overfit ten examples: if that fails, the fault is in the model "
        "or the data, not in the training. `keras_extras.find_learning_rate` helps to "
        "find the rate."
        + (
            " Look at some pairs of inputs and targets: do they belong together?"
            if may_be_noise
            else ""
        ),
        0.6,
    )


def _reference(outcome: Outcome) -> str:
    """Returns what a model that has learnt nothing would have, as text."""
    said = (
        f"a constant prediction has {outcome.baseline:.3g}"
        if np.isfinite(outcome.baseline)
        else f"it began with {outcome.first:.3g}"
    )
    if np.isfinite(outcome.accuracy) and np.isfinite(outcome.chance):
        said += (
            f". The accuracy is {outcome.accuracy:.1%}; always to name the most "
            f"frequent class has {outcome.chance:.1%}"
        )
    return said


def _could_be_learnt(observations: Observations) -> bool:
    """Returns whether there is more to the targets than a constant can say.

    Noise cannot be learnt, and an autoencoder of data that hardly vary is right to
    return their mean.
    """
    score = relation(observations)
    unknown = np.isnan(score) and np.isfinite(observations.outcome.chance)
    return not reconstructs(observations) and bool(score > 3.0 or unknown)
