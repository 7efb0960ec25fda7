"""Says what came of a repair that was tried, and ranks findings by it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras.diagnostics.outcome import Outcome
from keras_extras.records.finding import Finding

# By so much of what there is to gain a training must be better to be called so.
RELATIVE = "loss as a share of that of a constant"
_CLEARLY = 0.02


def trial_of(
    before: Outcome, after: Outcome, steps: int, same_loss: bool, weight: float = 1.0
) -> dict[str, Any]:
    """Returns what came of a repair, as plain values.

    Args:
        before: How the training went without it.
        after: How it went with it.
        steps: Number of steps of each.
        same_loss: Whether both have the same loss, so that its values compare.
        weight: What the loss with the repair is multiplied with.
    """
    gain = _merit(after) - _merit(before)
    losses = after.last / weight, before.last
    measure, values = "loss", losses
    if not same_loss:
        measure, values = _measured(before, after)
    falls = not losses[0] >= losses[1] if same_loss else True
    return {
        "steps": steps,
        "measure": measure,
        "with": _plain(values[0]),
        "without": _plain(values[1]),
        "gain": round(float(gain), 3),
        "helped": bool(gain > _CLEARLY and falls and np.isfinite(after.last)),
    }


def _measured(before: Outcome, after: Outcome) -> tuple[str, tuple[float, float]]:
    """Returns what compares where losses do not, and its values after and before."""
    accuracies = after.accuracy, before.accuracy
    if np.isfinite(accuracies).all():
        return "accuracy", accuracies
    return RELATIVE, (after.last / after.baseline, before.last / before.baseline)


def _merit(outcome: Outcome) -> float:
    """Returns how good a training is: 1 is perfect, 0 is as good as a constant."""
    if not np.isfinite(outcome.last):
        return -1.0
    values = [v for v in (outcome.gain, outcome.skill) if np.isfinite(v)]
    return float(np.clip(np.mean(values), -1.0, 1.0)) if values else 0.0


def _plain(value: float) -> float | None:
    """Returns a number for JSON, which has no NaN."""
    return float(f"{value:.4g}") if np.isfinite(value) else None


def with_trial(finding: Finding, trial: Mapping[str, Any]) -> Finding:
    """Returns a finding whose remedy says what came of it."""
    assert finding.repair is not None
    repair = dataclasses.replace(finding.repair, trial=dict(trial))
    remedy = f"{finding.remedy} {sentence_of(trial)}"
    return dataclasses.replace(finding, repair=repair, remedy=remedy)


def sentence_of(trial: Mapping[str, Any]) -> str:
    """Returns what came of a repair, as a sentence."""
    name, steps = trial["measure"], trial["steps"]
    there, here = (_shown(trial[key], name) for key in ("with", "without"))
    if trial["helped"]:
        moves = "rises" if name == "accuracy" else "falls"
        return (
            f"Tried: with it the {name} {moves} to {there} in {steps:,} steps, without "
            f"it stays at {here}."
        )
    return (
        f"Tried: alone it does not help; with it the {name} is {there} after "
        f"{steps:,} steps, without it {here}."
    )


def _shown(value: float | None, name: str) -> str:
    if value is None:
        return "NaN"
    return f"{value:.3g}" if name == "loss" else f"{value:.1%}"


def ranked_by_trials(findings: Sequence[Finding]) -> list[Finding]:
    """Returns the findings, those first whose repairs have helped, most help first.

    A finding whose repair has helped is no mere symptom of one whose repair has not.
    """
    helped = {f.code for f in findings if _help(f) > 0.0}
    freed = [
        dataclasses.replace(f, cause=None)
        if _help(f) > 0.0 and f.cause not in helped
        else f
        for f in findings
    ]
    return sorted(freed, key=lambda f: (f.cause is not None, -_help(f)))


def _help(finding: Finding) -> float:
    trial = finding.repair.trial if finding.repair is not None else None
    return float(trial["gain"]) if trial is not None and trial["helped"] else 0.0
