"""Leaves one margin for the names of layers in all charts of the same runs."""

from __future__ import annotations

from keras_diagnostics.board import Board
from keras_diagnostics.request import Request
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views import layers


def left_margin(board: Board, request: Request) -> int:
    """Returns the left margin of all charts of steps of these runs."""
    runs = request.runs[: layers.MOST_PANELS]
    return figures.left_margin(name for run in runs for name in board.layers(run))
