"""The cards of the dashboard: which there are, and what each answers to a request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_diagnostics.board import Board
from keras_diagnostics.comparison import comparison_table
from keras_diagnostics.statistics import STATISTICS
from keras_diagnostics.statistics import Statistic
from keras_diagnostics.statistics import statistics_of
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views import histogram
from keras_diagnostics.views import layers
from keras_diagnostics.views import lines
from keras_diagnostics.views.card import Card
from keras_diagnostics.views.card import Panel
from keras_diagnostics.views.card import Request
from keras_diagnostics.views.card import steps_shown
from keras_diagnostics.views.theme import paint

_MOST_CELLS = 140_000  # answers stay below 2 MB
_FEWEST_COLUMNS = 20
_LONGEST_PATTERN = 200


@dataclass(frozen=True)
class Kind:
    """A card: what it is called, how to read it, and what makes it.

    Attributes:
        id: String.
        title: String.
        how: String, one line.
        x: String, what its x axis is.
        make: Function from a `Board` and a `Request` to a `Card`.
        metrics: The statistics to choose from: dicts with `id` and `title`.
    """

    id: str
    title: str
    how: str
    x: str
    make: Callable[[Board, Request], Card]
    metrics: tuple[dict[str, str], ...] = ()

    def describe(self) -> dict[str, Any]:
        """Returns what a front end must know of it."""
        named = {k: getattr(self, k) for k in ("id", "title", "how", "x")}
        return {**named, "metrics": list(self.metrics)}


def answer(board: Board, request: Request, theme: str) -> dict[str, Any]:
    """Returns what a card shows, as plain values for JSON.

    Raises:
        ValueError: If the request names a card, a metric or a pattern of layers that
            there cannot be.
    """
    kind = KINDS.get(request.card)
    if kind is None:
        raise ValueError(f"`card` must be one of {', '.join(KINDS)}.")
    check_pattern(request.layers)
    card = kind.make(board, request)
    return {
        "card": kind.id,
        "title": kind.title,
        "how": kind.how,
        "state": "ok" if card.panels or card.table else "empty",
        "message": card.message,
        "metric": card.metric,
        "metrics": card.metrics,
        "steps": card.steps,
        "panels": [
            paint(_panel(kind, number, panel), theme)
            for number, panel in enumerate(card.panels)
        ],
        "table": None if card.table is None else card.table.to_dict(),
        "problems": problems_of(board),
    }


def problems_of(board: Board) -> list[dict[str, Any]]:
    """Returns what could not be read, as plain values for JSON."""
    return [{"run": p.run, "text": p.text} for p in board.source.problems]


def check_pattern(pattern: str) -> None:
    """Raises a `ValueError` unless `pattern` is a regular expression."""
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError(
            f"`layers` must have at most {_LONGEST_PATTERN} characters. "
            f"Received: {len(pattern)}"
        )
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"`layers` must be a regular expression: {error}. Received: {pattern!r}"
        ) from error


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


def schedule_card(board: Board, request: Request) -> Card:
    """Returns learning rate, momentum and the like, one below another."""
    return _step_lines(
        board,
        request,
        board.schedule,
        "Learning rate and momentum are logged by TrainingDiagnostics and by "
        "HyperparameterLogger.",
    )


def loss_card(board: Board, request: Request) -> Card:
    """Returns the logs of the epochs: loss and metrics."""

    def series(run: str) -> dict[str, lines.Series]:
        epochs = board.epochs(run)
        steps = np.array([step for step, _, _ in epochs], int)
        names = dict.fromkeys(name for _, _, logs in epochs for name in logs)
        return {
            name: (steps, np.array([logs.get(name, np.nan) for _, _, logs in epochs]))
            for name in sorted(names, key=_losses_first)
        }

    return _step_lines(
        board,
        request,
        series,
        "The loss of each epoch is logged by TrainingDiagnostics and the loggers, "
        "once an epoch has ended.",
    )


def finder_card(board: Board, request: Request) -> Card:
    """Returns the sweeps of learning-rate finders."""
    found = {run: board.sweep(run) for run in lines.most_lines(request.runs)}
    sweeps = {run: sweep for run, sweep in found.items() if _is_sweep(sweep)}
    if not sweeps:
        return Card(
            message="No sweep in this run. LearningRateFinder(log_dir=...) writes one."
        )
    panels = [lines.sweep_panel(run, sweep or {}) for run, sweep in sweeps.items()]
    return Card(panels, lines.sweep_table({k: v or {} for k, v in sweeps.items()}))


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


def histogram_card(board: Board, request: Request) -> Card:
    """Returns the distribution of the values of one layer."""
    kinds = ("activation", "gradient")
    if request.metric not in (None, *kinds):
        raise ValueError("`metric` must be activation or gradient.")
    if len(request.runs) != 1:
        raise ValueError("`run` must be exactly one for a histogram.")
    (run,) = request.runs
    tags = board.histogram_tags(run)
    there = [k for k in kinds if any(t.startswith(f"{k}/") for t in tags)]
    metric = request.metric or next(iter(there), kinds[0])
    named = [t.split("/", 1)[1] for t in tags if t.startswith(f"{metric}/")]
    layer = request.layer or next(iter(named), "")
    card = Card(metric=metric, metrics=[{"id": k, "title": k} for k in there])
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
        run, f"{metric} of {layer}", inside, columns, _left(board, request)
    )
    shown = len(panel.figure["data"][0]["x"])
    card.panels = [panel]
    card.table = histogram.histogram_table(inside)
    card.steps = steps_shown(shown, [step for step, _ in inside], len(inside))
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
    tables = [t for t in full if t is not None and len(t.layers) and len(t.steps)]
    if not tables:
        card.message = _nothing_logged(statistic, request)
        return card, []
    many = len(tables) > layers.MOST_PANELS
    shown = tables if many else _fit(board, tables, request.columns)
    scale = layers.Scale.of(statistic, [table.values for table in shown])
    if many:
        card.panels = [layers.median_panel(shown, scale, _MOST_CELLS)]
    else:
        card.panels = layers.heatmap_panels(shown, scale, _left(board, request))
    card.steps = _most_steps(board, tables, shown, request)
    return card, shown


def _fit(
    board: Board, tables: list[layers.LayerTable], columns: int
) -> list[layers.LayerTable]:
    """Returns the tables with as many steps as an answer of bounded size can hold."""
    rows = sum(len(table.layers) for table in tables)
    fitting = max(min(columns, _MOST_CELLS // max(rows, 1)), _FEWEST_COLUMNS)
    return [board.sampled(table, fitting) for table in tables]


def _most_steps(
    board: Board,
    full: list[layers.LayerTable],
    shown: list[layers.LayerTable],
    request: Request,
) -> dict[str, Any]:
    """Returns how much is shown of the run of which least is shown."""
    whole_run = request.first is None and request.last is None
    counts = []
    for table, part in zip(full, shown):
        recorded = board.about(table.run)["recorded"] if whole_run else 0
        counts.append(steps_shown(len(part.steps), table.steps, recorded))
    return min(counts, key=lambda count: count["shown"] / max(count["recorded"], 1))


def _step_lines(
    board: Board,
    request: Request,
    series: Callable[[str], dict[str, lines.Series]],
    otherwise: str,
) -> Card:
    runs = lines.most_lines(request.runs)
    charts = _by_name({run: _cut(series(run), request) for run in runs})
    if not charts:
        return Card(message=otherwise)
    panel = lines.stacked_panel(
        charts,
        _colors(board, charts),
        "step",
        figures.step_axis(),
        _left(board, request),
    )
    caption = "First, last and extreme values over the steps shown"
    card = Card([panel], lines.series_table(caption, charts))
    longest = max(
        (at for chart in charts.values() for at, _ in chart.values()), key=len
    )
    card.steps = steps_shown(min(len(longest), lines.MOST_POINTS), longest, 0)
    return card


def _left(board: Board, request: Request) -> int:
    """Returns the left margin of all charts of steps of these runs."""
    runs = request.runs[: layers.MOST_PANELS]
    return figures.left_margin(name for run in runs for name in board.layers(run))


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


def _losses_first(name: str) -> tuple[bool, str]:
    return not name.endswith("loss"), name.removeprefix("val_")


def _is_sweep(sweep: dict[str, Any] | None) -> bool:
    if sweep is None:
        return False
    try:
        shapes = {np.shape(np.asarray(sweep[n], float)) for n in _SWEPT}
    except (KeyError, TypeError, ValueError):
        return False
    return len(shapes) == 1 and all(len(s) == 1 and s[0] > 0 for s in shapes)


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


def _panel(kind: Kind, number: int, panel: Panel) -> dict[str, Any]:
    return {"id": f"{kind.id}-{number}", **vars(panel)}


_SWEPT = ("rates", "losses", "smoothed")


def _metrics(card: str | None) -> tuple[dict[str, str], ...]:
    chosen = STATISTICS.values() if card is None else statistics_of(card)
    return tuple({"id": s.id, "title": s.title} for s in chosen)


KINDS = {
    kind.id: kind
    for kind in (
        Kind(
            "gradients",
            "Gradient flow",
            "Each row is a layer, input on top: rows that darken towards the top "
            "vanish, columns that brighten explode. Red is NaN or Inf.",
            "step",
            layer_card,
            _metrics("gradients"),
        ),
        Kind(
            "activations",
            "Activations",
            "Healthy layers fade into the card: a row that stands out is a layer whose "
            "units are dead or saturated.",
            "step",
            layer_card,
            _metrics("activations"),
        ),
        Kind(
            "updates",
            "Update-to-weight ratio",
            "What fades into the card is about 1e-3, which is healthy; blue layers "
            "hardly learn, orange ones change too fast.",
            "step",
            layer_card,
            _metrics("updates"),
        ),
        Kind(
            "schedule",
            "Learning rate and momentum",
            "What the optimizer really used at each step, schedules and callbacks "
            "included.",
            "step",
            schedule_card,
        ),
        Kind(
            "loss",
            "Loss and metrics",
            "The logs of each epoch: a training loss that falls while the validation "
            "loss rises is overfitting.",
            "step",
            loss_card,
        ),
        Kind(
            "finder",
            "Learning-rate finder",
            "Take the rate where the smoothed loss falls steadily, well before it "
            "rises.",
            "rate",
            finder_card,
        ),
        Kind(
            "uncertainty",
            "Uncertainty (MC dropout)",
            "Mutual information (bald) falls while the model learns; a calibration "
            "error (ece) that rises is a sign of overfitting.",
            "epoch",
            uncertainty_card,
        ),
        Kind(
            "histogram",
            "Distribution in a layer",
            "Each column is a histogram of the values at one step: watch it collapse "
            "to 0 or spread out.",
            "step",
            histogram_card,
            tuple({"id": k, "title": f"{k}s"} for k in ("activation", "gradient")),
        ),
        Kind(
            "compare",
            "Comparison of runs",
            "The worst runs stand out by their findings; the charts below have one "
            "colour range, so the same colour is the same value in each.",
            "step",
            compare_card,
            _metrics(None),
        ),
    )
}
