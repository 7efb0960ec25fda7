"""What is said of a run first: how it went, in one line and a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_diagnostics.board import Board
from keras_diagnostics.findings import Finding
from keras_diagnostics.findings import counted
from keras_diagnostics.views.figure import number

_ARROW = "\u2192"
_NOT_FINITE = "nan-loss"
_STEPS_BEFORE = 30  # of a NaN, which are shown at least
_SHARE_AFTER = 0.1  # of those before it
_WORTH_IT = 0.8  # of the run: a zoom that shows more is none


@dataclass(frozen=True)
class _Course:
    """A loss from its first value to its last one; NaN where nothing is known."""

    first: float
    last: float
    nan_from: int | None = None

    @property
    def is_known(self) -> bool:
        return bool(np.isfinite(self.first) and np.isfinite(self.last))

    def __str__(self) -> str:
        ends = "NaN"
        if self.is_known:
            ends = f"{number(self.first)} {_ARROW} {number(self.last)}"
        if self.nan_from is None:
            return ends
        return f"{ends}, NaN from step {self.nan_from:,}" if self.is_known else ends


def run_header(board: Board, run: str) -> dict[str, Any]:
    """Returns the verdict on a run, and its facts, as plain values for JSON.

    Findings say what is wrong; this says how it went, also where nothing is.
    """
    loss, validation = _course(board, run, "loss"), _course(board, run, "val_loss")
    constant = board.about(run)["best_constant_loss"]
    severity, verdict = _verdict(board, run, loss, constant)
    recorded = board.about(run)["recorded"]
    steps = f"{board.last_step(run) + 1:,}"
    facts = [("Steps", steps, f"{recorded:,} sampled" if recorded else "")]
    epochs = board.epochs(run)
    if epochs:
        last = max(epoch for _, epoch, _ in epochs) + 1
        facts.append(("Epochs", f"{max(len(epochs), last):,}", ""))
    for name, course in (("Loss", loss), ("Validation loss", validation)):
        if course is not None:
            facts.append((name, str(course), ""))
    if constant is not None:
        facts.append(("Best constant", number(constant), "loss"))
    return {
        "run": run,
        "severity": severity,
        "verdict": verdict,
        "facts": [{"name": n, "value": v, "note": note} for n, v, note in facts],
    }


def steps_to_begin_with(
    of_run: Sequence[Finding], first: int, last: int
) -> list[int] | None:
    """Returns the steps before a NaN, which its charts show at first, or `None`.

    After it there is nothing to see, which may be most of the run.
    """
    at = min((f["first_step"] for f in of_run if _ended_it(f)), default=None)
    if at is None or not first <= at < last:
        return None
    # At least as many as a half: sampled steps are ever further apart.
    begin = max(min(at - _STEPS_BEFORE, at // 2), first)
    end = min(at + max(round(_SHARE_AFTER * (at - begin)), 3), last)
    return [begin, end] if end - begin < _WORTH_IT * (last - first) else None


def _ended_it(finding: Finding) -> bool:
    return finding["code"] == _NOT_FINITE and finding["severity"] == "error"


def _verdict(
    board: Board, run: str, loss: _Course | None, constant: float | None
) -> tuple[str, str]:
    of_run = board.findings(run)
    claims = [finding for finding in of_run if finding["severity"] != "info"]
    if claims:
        return _claim(claims)
    course = _in_words(loss, constant)
    if not board.was_examined(run):
        hint = "TrainingDiagnostics looks for findings, the loggers alone do not"
        return "info", f"Not examined: {hint}."
    found = f"{counted(len(of_run), 'piece')} of advice" if of_run else "nothing found"
    return "good", f"Healthy: {found}{course}."


def _claim(claims: Sequence[Finding]) -> tuple[str, str]:
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


def _in_words(loss: _Course | None, constant: float | None) -> str:
    if loss is None or not loss.is_known:
        return ""
    moved = "fell" if loss.last < loss.first else "went"
    text = f"; the loss {moved} from {number(loss.first)} to {number(loss.last)}"
    if constant is not None:
        text += f", that of the best constant prediction is {number(constant)}"
    return text


def _course(board: Board, run: str, name: str) -> _Course | None:
    """Returns the first loss that is known, and that of the last epoch."""
    steps, values = board.curves(run)["logs"].get(name, (np.zeros(0), np.zeros(0)))
    of_epochs = [(s, logs[name]) for s, _, logs in board.epochs(run) if name in logs]
    if not len(values):
        steps = np.array([step for step, _ in of_epochs])
        values = np.array([value for _, value in of_epochs])
    elif of_epochs and of_epochs[-1][0] > steps[-1]:  # the last one is a part of it
        steps = np.append(steps, of_epochs[-1][0])
        values = np.append(values, of_epochs[-1][1])
    finite = np.flatnonzero(np.isfinite(values))
    if not len(values):
        return None
    broken = np.flatnonzero(~np.isfinite(values))
    at_end = not np.isfinite(values[-1])
    nan_from = int(steps[broken[0]]) if len(broken) and at_end else None
    if not len(finite):
        return _Course(np.nan, np.nan, nan_from)
    last = finite[-1]
    if nan_from is not None:
        last = finite[finite < broken[0]][-1] if (finite < broken[0]).any() else last
    return _Course(float(values[finite[0]]), float(values[last]), nan_from)
