"""What is said of a run first: how it went, and at which steps to begin to look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_diagnostics.board import Board
from keras_diagnostics.findings import Finding
from keras_diagnostics.verdict import Course
from keras_diagnostics.verdict import Training
from keras_diagnostics.verdict import header_of

_NOT_FINITE = "nan-loss"
_STEPS_BEFORE = 30  # of a NaN, which are shown at least
_SHARE_AFTER = 0.1  # of those before it
_WORTH_IT = 0.8  # of the run: a zoom that shows more is none
_LOSSES = {"Loss": "loss", "Validation loss": "val_loss"}


def run_header(board: Board, run: str) -> dict[str, Any]:
    """Returns the verdict on a run, and its facts, as plain values for JSON.

    Findings say what is wrong; this says how it went, also where nothing is.
    """
    about = board.about(run)
    epochs = [epoch for _, epoch, _ in board.epochs(run)]
    tally = board.tally(run)
    training = Training(
        steps=tally.steps,
        sampled=tally.sampled,
        epochs=max(len(epochs), max(epochs, default=-1) + 1),
        losses={title: _course(board, run, name) for title, name in _LOSSES.items()},
        best_constant=about["best_constant_loss"],
        examined=board.was_examined(run),
    )
    return {"run": run, **header_of(training, board.findings(run))}


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


def _course(board: Board, run: str, name: str) -> Course | None:
    """Returns the course from the first loss that is known to the last epoch's."""
    none = np.zeros(0)
    steps, values = board.curves(run)["logs"].get(name, (none, none))
    of_epochs = [(s, logs[name]) for s, _, logs in board.epochs(run) if name in logs]
    if not len(values):
        return Course.of(*zip(*of_epochs)) if of_epochs else None
    if of_epochs and of_epochs[-1][0] > steps[-1]:  # it ended with the last step
        last_step, last = of_epochs[-1]
        # Of the mean over an epoch, NaN begins no later than of its steps.
        if np.isfinite(last) or np.isfinite(values[-1]):
            steps, values = np.append(steps, last_step), np.append(values, last)
    return Course.of(steps, values)
