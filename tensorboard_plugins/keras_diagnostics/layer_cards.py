"""The cards of statistics of layers: heatmaps of one run or of many."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_diagnostics.board import Board
from keras_diagnostics.comparison import comparison_table
from keras_diagnostics.margin import left_margin
from keras_diagnostics.margin import steps_there
from keras_diagnostics.margin import whole_run
from keras_diagnostics.request import Request
from keras_diagnostics.statistics import STATISTICS
from keras_diagnostics.statistics import Statistic
from keras_diagnostics.statistics import statistics_of
from keras_diagnostics.views import layers
from keras_diagnostics.views.card import Card
from keras_diagnostics.views.card import steps_shown

_MOST_CELLS = 140_000  # answers stay below 2 MB
_FEWEST_COLUMNS = 20
_MOST_LAYERS = 3_000


def layer_card(board: Board, request: Request) -> Card:
    """Returns heatmaps of a statistic: one for each run, or one for all of many."""
    card, tables = _heatmaps(board, request, statistics_of(request.card))
    if tables:
        card.table = layers.text_table(tables, STATISTICS[str(card.metric)])
    return card


def compare_card(board: Board, request: Request) -> Card:
    """Returns the table of runs, and a statistic of all of them."""
    card, _ = _heatmaps(board, request, list(STATISTICS.values()))
    card.table = comparison_table(board, request.runs)
    return card


def _heatmaps(
    board: Board, request: Request, offered: list[Statistic]
) -> tuple[Card, list[layers.LayerTable]]:
    """Returns a card without its text table, and what it draws."""
    there = [
        s
        for s in offered
        if any(s in board.statistics(r, s.card) for r in request.runs)
    ]
    card = Card(metrics=[{"id": s.id, "title": s.title} for s in there])
    names = [s.id for s in offered]
    if request.metric is not None and request.metric not in names:
        raise ValueError(f"`metric` must be one of {', '.join(names)}.")
    if request.metric is None and not there:
        card.message = _nothing_logged(offered[0], request)
        return card, []
    statistic = STATISTICS[request.metric or there[0].id]
    card.metric = statistic.id
    board.source.prefetch(request.runs, [statistic.id, statistic.nonfinite])
    full = [board.table(run, statistic, request) for run in request.runs]
    drawable = [t for t in full if t is not None and len(t.layers) and len(t.steps)]
    tables = [_most_layers(board, table) for table in drawable]
    if not tables:
        card.message = _nothing_logged(statistic, request)
        return card, []
    many = len(tables) > layers.MOST_PANELS
    shown = tables if many else _fit(board, tables, request.columns)
    scale = layers.Scale.of(statistic, [table.values for table in shown])
    if many:
        card.panels = [layers.median_panel(shown, scale, _MOST_CELLS)]
    else:
        card.panels = layers.heatmap_panels(shown, scale, left_margin(board, request))
        for panel in card.panels:
            panel.figure["layout"]["xaxis"] |= whole_run(board, request)
    card.steps = _most_steps(board, tables, shown, request)
    return card, shown


def _fit(
    board: Board, tables: list[layers.LayerTable], columns: int
) -> list[layers.LayerTable]:
    """Returns the tables with as many steps as an answer of bounded size can hold."""
    rows = sum(len(table.layers) for table in tables)
    fitting = max(min(columns, _MOST_CELLS // max(rows, 1)), _FEWEST_COLUMNS)
    return [board.sampled(table, fitting) for table in tables]


def _most_layers(board: Board, table: layers.LayerTable) -> layers.LayerTable:
    """Returns the table with as many layers as an answer of bounded size can hold."""
    count = len(table.layers)
    if count <= _MOST_LAYERS:
        return table
    text = f"Of {count:,} layers {_MOST_LAYERS:,} are shown; a pattern chooses others."
    board.source.report(table.run, text)
    return table.only(np.linspace(0, count - 1, _MOST_LAYERS).astype(int))


def _most_steps(
    board: Board,
    full: list[layers.LayerTable],
    shown: list[layers.LayerTable],
    request: Request,
) -> dict[str, Any]:
    """Returns how much is shown of the run of which least is shown."""
    is_whole = request.first is None and request.last is None
    counts = []
    for table, part in zip(full, shown):
        sampled = board.about(table.run)["recorded"] if is_whole else 0
        there = steps_there(board, table.run, request)
        counts.append(steps_shown(len(part.steps), table.steps, there, sampled))
    return min(counts, key=lambda count: count["shown"] / max(count["recorded"], 1))


def _nothing_logged(statistic: Statistic, request: Request) -> str:
    if request.layers:
        return f"No layer with such values has a name that matches {request.layers!r}."
    if request.first is not None or request.last is not None:
        return "Nothing was recorded in this range of steps."
    return {
        "gradients": "No gradients in this run. TrainingDiagnostics(log_dir) and "
        "GradientLogger(log_dir) write them.",
        "activations": "No activations in this run. TrainingDiagnostics(log_dir) and "
        "ActivationLogger(log_dir) write them. Dead and saturated units are known "
        "only where an activation function has such states.",
        "updates": "No updates in this run. TrainingDiagnostics(log_dir) and "
        "GradientLogger(log_dir, updates=True) write them.",
    }[statistic.card]
