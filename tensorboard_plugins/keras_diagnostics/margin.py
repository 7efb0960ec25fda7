"""Gives all charts of the same runs one margin for names, and one range of steps."""

from __future__ import annotations

from typing import Any

from keras_diagnostics.board import Board
from keras_diagnostics.request import Request
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views import layers


def left_margin(board: Board, request: Request) -> int:
    """Returns the left margin of all charts of steps of these runs."""
    runs = request.runs[: layers.MOST_PANELS]
    return figures.left_margin(name for run in runs for name in board.layers(run))


def whole_run(board: Board, request: Request) -> dict[str, Any]:
    """Returns the range of an axis of steps: all that was asked for, sampled or not."""
    shown = request.runs[: layers.MOST_PANELS]
    last = max((board.last_step(run) + 1 for run in shown), default=0)
    first, end = _ends(request, last)
    if not 0 <= first < end:
        return {}
    margin = 0.01 * (end - first) + 0.5
    return {"range": [first - margin, end + margin]}


def steps_there(board: Board, run: str, request: Request) -> tuple[int, int]:
    """Returns the number of steps in the range that was asked for, and in the run."""
    last = board.last_step(run)
    first, end = _ends(request, last)
    return max(end - first + 1, 0), last + 1


def _ends(request: Request, last: int) -> tuple[int, int]:
    first = request.first if request.first is not None else 0
    return first, last if request.last is None else min(request.last, last)
