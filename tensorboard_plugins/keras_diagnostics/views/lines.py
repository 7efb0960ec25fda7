"""Values that belong to no layer, as lines: schedules, losses, uncertainty."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_diagnostics.sampling import choose_steps
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views.card import Panel
from keras_diagnostics.views.card import Table
from keras_diagnostics.views.card import column
from keras_diagnostics.views.theme import Token
from keras_diagnostics.views.theme import run_color

MOST_POINTS = 1000
_MOST_POINTS_IN_ALL, _FEWEST_POINTS = 50_000, 50
_MOST_RUNS = 8
_FIRST, _CHART, _GAP = 230, 150, 34  # pixels of a chart, and above it for its title
_TOP, _BOTTOM = 26, 38
_LEGEND = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1}
_LEGEND |= {"yanchor": "bottom", "itemwidth": 30}
VALIDATION = " (validation)"  # ends the name of a line that is drawn dashed

Series = tuple[np.ndarray, np.ndarray]


def stacked_panel(
    charts: Mapping[str, Mapping[str, Series]],
    colors: Mapping[str, int],
    x: str,
    x_axis: dict[str, Any],
    left: int,
) -> Panel:
    """Returns a panel of charts one below another, which share their x axis.

    Args:
        charts: For each chart, from the top, the series of each line.
        colors: For each line, the number of its colour.
        x: What the x axis is, for the panel.
        x_axis: Its axis.
        left: Integer, pixels to the left of the charts.
    """
    heights = [_CHART] * len(charts)
    heights[:1] = [_FIRST if len(charts) > 1 or "loss" in charts else 2 * _CHART]
    inside = sum(heights) + _GAP * (len(charts) - 1)
    layout = figures.layout(inside + _TOP + _BOTTOM, left)
    layout["xaxis"] = {**x_axis, "anchor": f"y{len(charts)}" if charts else "y"}
    layout["margin"] = {**layout["margin"], "t": _TOP, "b": _BOTTOM}
    layout["annotations"] = []
    names = _names_of(colors)
    if len(colors) > 1:
        layout |= {"showlegend": True, "legend": _LEGEND}
    data: list[dict[str, Any]] = []
    named: set[str] = set()
    most = _MOST_POINTS_IN_ALL // max(sum(map(len, charts.values())), 1)
    most = min(max(most, _FEWEST_POINTS), MOST_POINTS)
    top = 1.0
    for number, (title, lines) in enumerate(charts.items(), start=1):
        bottom = top - heights[number - 1] / inside
        name = "yaxis" if number == 1 else f"yaxis{number}"
        layout[name] = figures.axis(
            "", domain=[max(bottom, 0.0), top], nticks=6, **_range_of_constant(lines)
        )
        layout["annotations"].append(_title(title, top))
        top = bottom - _GAP / inside
        axis = {"xaxis": "x", "yaxis": "y" if number == 1 else f"y{number}"}
        for label, (at, values) in lines.items():
            group = str(list(colors).index(label))
            legend = {"legendgroup": group, "showlegend": label not in named}
            named.add(label)
            kept = choose_steps(at, most, ~np.isfinite(values))
            series = at[kept], values[kept]
            traces = _traces(label, series, colors[label], title, {**axis, **legend})
            traces[0]["name"] = figures.escape(names[label])
            data += traces
    titles = ", ".join(charts)
    (run,) = {_run_of(label) for label in colors} if _are_of_one(colors) else (None,)
    return Panel(run, titles, x, {"data": data, "layout": layout})


def series_table(caption: str, charts: Mapping[str, Mapping[str, Series]]) -> Table:
    """Returns first, last, smallest and largest value of each line."""
    columns = [column("value", numeric=False), column("run", numeric=False)]
    columns += [column(n) for n in ("first", "last", "smallest", "largest", "points")]
    rows: list[list[Any]] = []
    for title, lines in charts.items():
        for label, (_, values) in lines.items():
            finite = values[np.isfinite(values)]
            ends = [finite.min(), finite.max()] if len(finite) else [None, None]
            if len(values):
                rows.append([title, label, values[0], values[-1], *ends, len(values)])
    return Table(caption, columns, rows)


def most_lines(runs: Sequence[str]) -> tuple[str, ...]:
    """Returns those of `runs` that can be told apart as lines."""
    return tuple(runs[:_MOST_RUNS])


def _run_of(label: str) -> str:
    return label.removesuffix(VALIDATION)


def _are_of_one(labels: Iterable[str]) -> bool:
    return len({_run_of(label) for label in labels}) == 1


def _names_of(labels: Iterable[str]) -> dict[str, str]:
    """Returns what each line is called: short where all are of one run."""
    labels = list(labels)
    if not _are_of_one(labels):
        return {label: label for label in labels}
    return {n: "validation" if n.endswith(VALIDATION) else "training" for n in labels}


def _title(text: str, top: float) -> dict[str, Any]:
    """Returns the title of a chart, above its left end."""
    return {
        "text": figures.escape(text),
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": Token("text"), "size": 12},
    }


def _traces(
    label: str, series: Series, color: int, title: str, axes: dict[str, Any]
) -> list[dict[str, Any]]:
    at, values = series
    trace = figures.line(at, values, label, run_color(color), **axes)
    if label.endswith(VALIDATION):
        trace["line"] = {**trace["line"], "dash": "dash"}
    # Names of others stay out of the template, which has a syntax of its own.
    is_validation = label.endswith(VALIDATION)
    trace["meta"] = figures.escape(title + (VALIDATION if is_validation else ""))
    trace["hovertemplate"] = (
        "%{meta} %{y:.4~g}<br>%{x:,d}<extra>%{fullData.name}</extra>"
    )
    marks = figures.nonfinite_marks(at, values, **{**axes, "showlegend": False})
    return [trace, *marks]


def _range_of_constant(lines: Mapping[str, Series]) -> dict[str, Any]:
    """Returns a range from 0 if all values are one; Plotly's would be 2 wide."""
    values = np.concatenate([values for _, values in lines.values()])
    finite = values[np.isfinite(values)]
    # Of one rate, some values are read from a variable of 32 bits.
    if not len(finite) or np.ptp(finite) > 1e-6 * np.abs(finite).max():
        return {}
    end = float(finite[-1]) * 1.25 or 1.0
    return {"range": sorted(figures.rounded(np.array([0.0, end])))}
