"""Says in one line and a few numbers how a training went, wherever it is known from."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from keras_diagnostics.tally import counted
from keras_diagnostics.views.figure import number

_ARROW = "\u2192"


@dataclass(frozen=True)
class Course:
    """A loss from its first value to its last; NaN where nothing is known."""

    first: float
    last: float
    nan_from: int | None = None

    @classmethod
    def of(cls, steps: Any, values: Any) -> Course | None:
        """Returns the course of values at some steps, or `None` if there are none."""
        steps, values = np.asarray(steps), np.asarray(values, float)
        if not len(values):
            return None
        finite = np.isfinite(values)
        at_end = len(values) - int(np.argmax(finite[::-1])) if finite.any() else 0
        nan_from = None if at_end == len(values) else int(steps[at_end])
        if not finite.any():
            return cls(np.nan, np.nan, nan_from)
        return cls(float(values[finite][0]), float(values[at_end - 1]), nan_from)

    @property
    def is_finite(self) -> bool:
        """Returns whether both ends are known, and it did not become NaN."""
        ends = np.isfinite(self.first) and np.isfinite(self.last)
        return bool(ends) and self.nan_from is None

    def __str__(self) -> str:
        ends = f"{number(self.first)} {_ARROW} {number(self.last)}"
        if self.nan_from is None:
            return ends
        if not np.isfinite(self.first):
            return "NaN"
        return f"{ends}, NaN from step {self.nan_from:,}"


@dataclass(frozen=True)
class Training:
    """What is known of a training, for its header.

    Attributes:
        steps: Integer, number of steps trained.
        sampled: Integer, number of them sampled.
        epochs: Integer, number of epochs that ended.
        losses: The courses of losses by their names, that of training first.
        best_constant: Float, loss of the best constant prediction, or `None`.
        examined: Boolean, whether anything has looked for findings.
    """

    steps: int
    sampled: int = 0
    epochs: int = 0
    losses: Mapping[str, Course | None] = field(default_factory=dict)
    best_constant: float | None = None
    examined: bool = True


def header_of(training: Training, findings: Sequence[Mapping[str, Any]]) -> dict:
    """Returns `severity`, `verdict` and `facts` of a training, as plain values."""
    severity, verdict = _verdict(training, findings)
    sampled = f"{training.sampled:,} sampled" if training.sampled else ""
    sampled = "all sampled" if training.sampled == training.steps else sampled
    facts = [("Steps", f"{training.steps:,}", sampled)]
    if training.epochs:
        facts.append(("Epochs", f"{training.epochs:,}", ""))
    known = {k: course for k, course in training.losses.items() if course is not None}
    facts += [(name, str(course), "") for name, course in known.items()]
    if training.best_constant is not None:
        facts.append(("Best constant", number(training.best_constant), "loss"))
    return {
        "severity": severity,
        "verdict": verdict,
        "facts": [{"name": n, "value": v, "note": note} for n, v, note in facts],
    }


def _verdict(
    training: Training, findings: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    claims = [finding for finding in findings if finding["severity"] != "info"]
    if claims:
        return _claim(claims)
    if not training.examined:
        hint = "TrainingDiagnostics looks for findings, the loggers alone do not"
        return "info", f"Not examined: {hint}."
    found = "nothing found"
    if findings:
        found = f"{counted(len(findings), 'piece')} of advice"
    return "good", f"Healthy: {found}{_in_words(training)}."


def _claim(claims: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Returns the worst severity, and what the first finding says of it all."""
    first = claims[0]
    is_failing = any(finding["severity"] == "error" for finding in claims)
    where = f" in '{first['layer']}'" if first["layer"] else ""
    text = f"{'Failing' if is_failing else 'Could go better'}: {first['code']}{where}"
    text += f", from step {first['first_step']:,}"
    codes = {first["code"]}
    followers = 0
    for finding in claims[1:]:
        if finding["cause"] in codes:
            codes.add(finding["code"])
            followers += 1
    others = len(claims) - 1 - followers
    for count, verb, how in (
        (followers, "follow", "from it"),
        (others, "stand", "beside it"),
    ):
        if count:
            verb = f"{verb}s" if count == 1 else verb
            text += f"; {counted(count, 'more finding')} {verb} {how}"
    return ("error" if is_failing else "warning"), f"{text}."


def _in_words(training: Training) -> str:
    loss = next(iter(training.losses.values()), None)
    if loss is None or not loss.is_finite:
        return ""
    moved = "fell" if loss.last < loss.first else "went"
    text = f"; the loss {moved} from {number(loss.first)} to {number(loss.last)}"
    if training.best_constant is not None:
        constant = number(training.best_constant)
        text += f", that of the best constant prediction is {constant}"
    return text
