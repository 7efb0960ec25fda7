"""What the loss itself tells, training and validation."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping

import numpy as np

from keras_extras.diagnostics.finding import Finding
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import steps_trained
from keras_extras.diagnostics.rules.common import whole


def oscillating_loss(seen: Observations) -> Iterator[Finding]:
    """The loss jumps up and down from epoch to epoch, and does not settle.

    References:
        AUTOTRAINER (Zhang et al., 2021), "oscillating loss"; TheDeepChecker's
        smoothness of the loss.
    """
    losses = seen.epochs.get("loss", np.empty(0))
    if len(losses) < 6 or seen.outcome.is_good or not np.isfinite(losses).all():
        return
    recent = losses[len(losses) // 4 :]
    change = np.diff(recent) / np.maximum(np.minimum(recent[1:], recent[:-1]), 1e-12)
    jumps = int(np.sum(change > 0.2))
    if jumps < max(2, 0.25 * len(change)):
        return
    yield whole(
        seen,
        "oscillating-loss",
        "warning",
        None,
        f"in {jumps} of the last {len(change)} epochs the loss rose by 20 % or more, "
        f"by up to {change.max():.0%}",
        "Lower the learning rate or the momentum, or use larger batches; "
        "`keras_extras.callbacks.OneCycleScheduler` ends at a low rate.",
        0.7,
    )


def overfitting(seen: Observations) -> Iterator[Finding]:
    """The validation loss has long been rising while the training loss falls.

    References:
        Prechelt (1998), "Early stopping - but when?"; losslint's and SageMaker
        Debugger's rules, which speak at 10 % already.
    """
    validation = seen.epochs.get("val_loss", np.empty(0))
    training = seen.epochs.get("loss", np.empty(0))
    if len(validation) < 5 or len(validation) != len(training):
        return
    if not (np.isfinite(validation).all() and np.isfinite(training).all()):
        return
    evidence = (
        (_rises(training, validation) if not _still_accurate(seen) else None)
        or _memorised(seen, training, validation)
        or _gap(seen.epochs)
    )
    if evidence is None:
        return
    yield whole(
        seen,
        "overfitting",
        "warning",
        None,
        evidence,
        "Stop at the best epoch, `keras.callbacks.EarlyStopping(patience=3, "
        "restore_best_weights=True)`, and try dropout, a penalty, a smaller model or "
        "more data.",
        0.8,
    )


def _rises(training: np.ndarray, validation: np.ndarray) -> str | None:
    # One lucky epoch is no level: medians of three are.
    levels = np.median(np.lib.stride_tricks.sliding_window_view(validation, 3), axis=1)
    best = int(np.argmin(levels)) + 1
    lowest, recent = float(levels.min()), float(levels[-1])
    now = float(np.median(training[-3:]))
    since = len(validation) - 1 - best
    if training.min() <= 0.0:  # a likelihood: a third more or less has no meaning
        return None
    if since < 3 or recent < 1.3 * lowest or recent < 2.0 * now:
        return None
    if now > 0.9 * training[best]:
        return None
    return (
        f"the validation loss has risen from {lowest:.3g} in epoch {best + 1} to "
        f"{recent:.3g}, the training loss has fallen to {now:.3g}"
    )


def _still_accurate(seen: Observations) -> bool:
    """Whether the validation accuracy is fair, and as high as it ever was."""
    values = seen.epochs.get("val_accuracy", seen.epochs.get("val_acc", np.zeros(1)))
    recent, chance = float(np.median(values[-3:])), seen.outcome.chance
    fair = chance + 0.5 * (1.0 - chance) if np.isfinite(chance) else 0.9
    return recent > fair and recent > values.max() - 0.06


def _memorised(
    seen: Observations, training: np.ndarray, validation: np.ndarray
) -> str | None:
    baseline = seen.outcome.baseline
    if not (training[-1] < 0.2 * baseline and validation.min() > 0.85 * baseline):
        return None
    return (
        f"the training loss has fallen to {training[-1]:.3g}, the validation loss has "
        f"never been below {validation.min():.3g}; a constant prediction has "
        f"{baseline:.3g}"
    )


def _gap(epochs: Mapping[str, np.ndarray]) -> str | None:
    for name in ("accuracy", "acc"):
        training, validation = epochs.get(name), epochs.get(f"val_{name}")
        if training is None or validation is None or len(validation) < 8:
            continue
        gap = float(np.median(training[-3:]) - np.median(validation[-3:]))
        rises = validation[-1] > validation[:-1].max() + 0.01
        if gap > 0.2 and not rises:
            return (
                f"training accuracy is {training[-1]:.1%}, validation accuracy "
                f"{validation[-1]:.1%} (limit of the difference 20 %)"
            )
    return None


def not_learning(seen: Observations) -> Iterator[Finding]:
    """The model is no better than a constant, and no other rule knows why.

    References:
        SageMaker Debugger's LossNotDecreasing; TheDeepChecker's initial loss.
    """
    outcome = seen.outcome
    if steps_trained(seen) < 100 or not outcome.skill < 0.02 or outcome.is_good:
        return
    if not np.isfinite(outcome.baseline) and not seen.early:
        return  # a training step of one's own, whose loss may mean anything
    yield whole(
        seen,
        "not-learning",
        "warning",
        None,
        f"after {steps_trained(seen)} steps the loss is {outcome.last:.3g}; "
        + (
            f"a constant prediction has {outcome.baseline:.3g}"
            if np.isfinite(outcome.baseline)
            else f"it began with {outcome.first:.3g}"
        ),
        "Try to learn ten examples by heart: if that fails, the fault is in the model "
        "or the data, not in the training. `keras_extras.find_learning_rate` helps to "
        "find the rate.",
        0.6,
    )
