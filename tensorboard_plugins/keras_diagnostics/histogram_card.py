"""The card of the distribution of the values of one layer."""

from __future__ import annotations

import numpy as np

from keras_diagnostics.board import Board
from keras_diagnostics.margin import left_margin
from keras_diagnostics.margin import steps_there
from keras_diagnostics.request import Request
from keras_diagnostics.views import histogram
from keras_diagnostics.views.card import Card
from keras_diagnostics.views.card import steps_shown


def histogram_card(board: Board, request: Request) -> Card:
    """Returns the distribution of the values of one layer."""
    kinds = ("activation", "gradient")
    if request.metric not in (None, *kinds):
        raise ValueError("`metric` must be activation or gradient.")
    if len(request.runs) != 1:
        raise ValueError("`run` must be exactly one for a histogram.")
    (run,) = request.runs
    tags = board.histogram_tags(run)
    logged = [k for k in kinds if any(t.startswith(f"{k}/") for t in tags)]
    metric = request.metric or next(iter(logged), kinds[0])
    named = [t.split("/", 1)[1] for t in tags if t.startswith(f"{metric}/")]
    layer = request.layer or next(iter(named), "")
    card = Card(metric=metric, metrics=[{"id": k, "title": k} for k in logged])
    recorded = histogram.usable(board.source.histograms(run, f"{metric}/{layer}"))
    kept = request.contains(np.array([step for step, _ in recorded], int))
    inside = [pair for pair, is_in in zip(recorded, kept) if is_in]
    if not inside:
        card.message = (
            f"No histograms of the {metric}s of {layer!r}. Train with "
            f"{'ActivationLogger' if metric == 'activation' else 'GradientLogger'}"
            "(log_dir=..., histograms=True) to have them."
        )
        return card
    columns = min(request.columns, 300)
    panel = histogram.histogram_panel(
        run, f"{metric} of {layer}", inside, columns, left_margin(board, request)
    )
    shown = len(panel.figure["data"][0]["x"])
    card.panels = [panel]
    card.table = histogram.histogram_table(inside)
    there = steps_there(board, run, request)
    steps = [step for step, _ in inside]
    card.steps = steps_shown(shown, steps, there, len(inside))
    return card
