"""The cards of lines: schedules, losses, sweeps and uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_diagnostics.board import SCHEDULE
from keras_diagnostics.board import Board
from keras_diagnostics.margin import left_margin
from keras_diagnostics.margin import steps_there
from keras_diagnostics.margin import whole_run
from keras_diagnostics.request import Request
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views import lines
from keras_diagnostics.views import sweep as sweeps
from keras_diagnostics.views.card import Card
from keras_diagnostics.views.card import steps_shown

_MOST_LOGS = 48
_SWEPT = ("rates", "losses", "smoothed")


def schedule_card(board: Board, request: Request) -> Card:
    """Returns learning rate, momentum and the like, one below another."""
    return _step_lines(
        board,
        request,
        lambda run: _in_use(board.schedule(run)),
        "Learning rate and momentum are logged by TrainingDiagnostics and by "
        "HyperparameterLogger.",
    )


def loss_card(board: Board, request: Request) -> Card:
    """Returns loss and metrics: of each step as Keras reports them, or of the epochs.

    What Keras reports after a batch is the mean since the epoch began.
    """

    def series(run: str) -> dict[str, lines.Series]:
        epochs = board.epochs(run)
        steps = np.array([step for step, _, _ in epochs], int)
        of_steps = board.curves(run)["logs"]
        names = dict.fromkeys(name for _, _, logs in epochs for name in logs)
        names |= dict.fromkeys(of_steps)
        names = {name: None for name in names if not _is_of_schedule(name)}
        if len(names) > _MOST_LOGS:
            text = f"Of the {len(names):,} metrics {_MOST_LOGS} are shown."
            board.source.report(run, text)
        found = {}
        for name in sorted(names, key=_losses_first)[:_MOST_LOGS]:
            values = np.array([logs.get(name, np.nan) for _, _, logs in epochs])
            found[name] = of_steps.get(name, (steps, values))
        return found

    return _step_lines(
        board,
        request,
        series,
        "The loss of each epoch is logged by TrainingDiagnostics and the loggers, "
        "once an epoch has ended.",
    )


def finder_card(board: Board, request: Request) -> Card:
    """Returns the sweeps of learning-rate finders."""
    found = {run: _swept(board, run) for run in lines.most_lines(request.runs)}
    swept = {run: sweep for run, sweep in found.items() if sweep is not None}
    if not swept:
        return Card(
            message="No sweep in this run. LearningRateFinder(log_dir=...) writes one."
        )
    panels = [sweeps.sweep_panel(run, sweep) for run, sweep in swept.items()]
    return Card(panels, sweeps.sweep_table(swept))


def uncertainty_card(board: Board, request: Request) -> Card:
    """Returns what Monte-Carlo dropout tells, epoch by epoch."""
    runs = lines.most_lines(request.runs)
    charts = _by_name({run: board.uncertainty(run) for run in runs})
    if not charts:
        return Card(
            message="No uncertainty in this run. UncertaintyLogger(x, y, log_dir=...) "
            "writes it after each epoch."
        )
    axis = figures.axis("epoch", tickformat=",d", showgrid=False)
    panel = lines.stacked_panel(charts, _colors(board, charts), "epoch", axis, 64)
    return Card([panel], lines.series_table("Uncertainty by epoch", charts))


def _step_lines(
    board: Board,
    request: Request,
    series: Callable[[str], dict[str, lines.Series]],
    otherwise: str,
) -> Card:
    runs = lines.most_lines(request.runs)
    of_runs = {run: series(run) for run in runs}
    charts = _by_name({run: _cut(found, request) for run, found in of_runs.items()})
    if not charts:
        return Card(message=otherwise)
    panel = lines.stacked_panel(
        charts,
        _colors(board, charts),
        "step",
        figures.step_axis(**whole_run(board, request)),
        left_margin(board, request),
    )
    caption = "First, last and extreme values over the steps shown"
    card = Card([panel], lines.series_table(caption, charts))
    longest = max(
        (at for chart in charts.values() for at, _ in chart.values()), key=len
    )
    there = max(steps_there(board, run, request) for run in runs)
    card.steps = steps_shown(min(len(longest), lines.MOST_POINTS), longest, there)
    return card


def _by_name(
    of_runs: dict[str, dict[str, lines.Series]],
) -> dict[str, dict[str, lines.Series]]:
    """Turns series by run and name into series by name and line.

    What was measured in training and in validation is in one chart.
    """
    charts: dict[str, dict[str, lines.Series]] = {}
    for run, series in of_runs.items():
        for name, (at, values) in series.items():
            if len(at):
                plain = name.removeprefix("val_")
                line = run if name == plain else run + lines.VALIDATION
                charts.setdefault(plain.replace("_", " "), {})[line] = (at, values)
    return charts


def _colors(board: Board, charts: dict[str, dict[str, lines.Series]]) -> dict[str, int]:
    numbers = {run: number for number, run in enumerate(board.runs())}
    names = dict.fromkeys(name for chart in charts.values() for name in chart)
    return {name: numbers.get(name.removesuffix(lines.VALIDATION), 0) for name in names}


def _cut(series: dict[str, lines.Series], request: Request) -> dict[str, lines.Series]:
    cut = {}
    for name, (at, values) in series.items():
        inside = request.contains(at)
        cut[name] = (at[inside], values[inside])
    return cut


def _in_use(schedule: dict[str, lines.Series]) -> dict[str, lines.Series]:
    """Returns the rate, and what else is ever more than 0: SGD may have no momentum."""
    rate = SCHEDULE[0]
    return {n: s for n, s in schedule.items() if n.startswith(rate) or s[1].any()}


def _is_of_schedule(name: str) -> bool:
    """Returns whether it stands in the card beside: Keras logs it with the metrics."""
    return name.split("/")[0] in SCHEDULE


def _losses_first(name: str) -> tuple[bool, str]:
    return not name.endswith("loss"), name.removeprefix("val_")


def _swept(board: Board, run: str) -> dict[str, Any] | None:
    """Returns a sweep whose series can be drawn, or `None`."""
    sweep = board.sweep(run)
    if sweep is None:
        return None
    try:
        arrays = {name: np.asarray(sweep[name], float) for name in _SWEPT}
        if len({array.shape for array in arrays.values()}) != 1:
            raise ValueError("its series differ in length")
        rates = arrays["rates"]
        if rates.ndim != 1 or not len(rates):
            raise ValueError("it has no points")
        usable = np.isfinite(rates) & (rates > 0)
        if not usable.all():
            text = f"{(~usable).sum():,} rates of the sweep are damaged and left out."
            board.source.report(run, text)
        return {**sweep, **{name: array[usable] for name, array in arrays.items()}}
    except (KeyError, TypeError, ValueError, OverflowError):
        board.source.report(run, "The sweep of learning rates is damaged.")
        return None
