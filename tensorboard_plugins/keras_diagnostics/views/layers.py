"""Statistics of layers over the steps: heatmaps, and lines over depth beside them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_diagnostics.layer_table import LayerTable
from keras_diagnostics.statistics import Statistic
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views.card import TABLE_ROWS
from keras_diagnostics.views.card import Panel
from keras_diagnostics.views.card import Table
from keras_diagnostics.views.card import column
from keras_diagnostics.views.scale import Scale
from keras_diagnostics.views.theme import Token

MOST_PANELS = 6
_CELLS_WITH_TEXT = 30_000
_MOST_MARKERS = 100
_COUNTER = re.compile(r"_\d+(?=/|$)")


def heatmap_panels(
    tables: Sequence[LayerTable], scale: Scale, left: int
) -> list[Panel]:
    """Returns a panel for each run, layers by steps; the last has the colour bar.

    Args:
        tables: What to draw.
        scale: The colours, which they share.
        left: Integer, pixels for the names of layers.
    """
    last, with_text = len(tables) - 1, _may_have_text(tables)
    panels = [
        _heatmap_panel(table, scale, left, number == last, with_text)
        for number, table in enumerate(tables)
    ]
    if len(panels) == 1:
        panels[0].profile = _profile(tables[0], scale)
    return panels


def _heatmap_panel(
    table: LayerTable, scale: Scale, left: int, with_bar: bool, with_text: bool
) -> Panel:
    names = [figures.escape(name) for name in table.layers]
    steps = table.steps.tolist()
    usable = np.where(table.broken, np.nan, table.values)
    data = [_values(usable, steps, names, scale, "step", with_text)]
    data += _broken(table.broken, steps, names)
    layout = figures.layout(
        figures.height_for(len(names)),
        left,
        xaxis=figures.step_axis(),
        yaxis=figures.name_axis(table.layers),
        coloraxis=scale.color_axis(with_bar),
    )
    return Panel(
        run=table.run,
        title=table.run,
        x="step",
        kind="heatmap",
        log=scale.statistic.is_log,
        zero=scale.zero,
        rows=list(table.layers),
        figure={"data": data, "layout": layout},
    )


def median_panel(tables: Sequence[LayerTable], scale: Scale, most_cells: int) -> Panel:
    """Returns the panel of many runs: runs by layers, each cell a median."""
    count = len(tables)
    layers, places = _aligned(tables)
    tables = tables[: max(most_cells // len(layers), 1)]
    values = np.full((len(tables), len(layers)), np.nan)
    broken = np.zeros(values.shape, bool)
    for row, table in enumerate(tables):
        values[row, places[row]] = table.medians
        broken[row, places[row]] = table.broken.any(axis=1)
    runs = [table.run for table in tables]
    labels = figures.without_shared(runs)
    names = [figures.escape(run) for run in runs]
    xs = [figures.escape(layer) for layer in layers]
    with_text = values.size <= _CELLS_WITH_TEXT
    data = [_values(values, xs, names, scale, "layer", with_text)]
    data += _broken_marks(broken, xs, names)
    layout = figures.layout(
        figures.height_for(len(runs)),
        figures.left_margin(labels),
        xaxis=figures.axis("layer", **figures.ticks(layers), showgrid=False)
        | {"type": "category", "automargin": True},
        yaxis=figures.name_axis(runs, labels),
        coloraxis=scale.color_axis(),
    )
    of = "" if count == len(runs) else f" of {count:,}"
    return Panel(
        run=None,
        title=f"median of each layer in {len(runs):,}{of} runs",
        x="layer",
        kind="heatmap",
        log=scale.statistic.is_log,
        zero=scale.zero,
        rows=runs,
        figure={"data": data, "layout": layout},
    )


def _aligned(tables: Sequence[LayerTable]) -> tuple[list[str], list[list[int]]]:
    """Returns the layers of all runs, and for each run the place of each of its own.

    Keras counts on from model to model: `dense_13` of one run is `dense` of another. A
    name that others have is the same layer; of the rest those are that have the same
    name but for its number, in order.
    """
    known: dict[str, int] = {}
    by_class: dict[tuple[str, int], int] = {}
    places: list[list[int]] = []
    for table in tables:
        taken = {known[name] for name in table.layers if name in known}
        counts: Counter[str] = Counter()
        row = []
        for name in table.layers:
            plain = _COUNTER.sub("", name)
            key = (plain, counts[plain])
            counts[plain] += 1
            place = known.get(name)
            if place is None:
                place = by_class.get(key)
                if place is None or place in taken:
                    place = known[name] = len(known)
                taken.add(place)
            by_class.setdefault(key, place)
            row.append(place)
        places.append(row)
    return list(known), places


def text_table(tables: Sequence[LayerTable], statistic: Statistic) -> Table:
    """Returns the numbers of the layers that differ most from the others."""
    several = len(tables) > 1
    columns = [column("layer", numeric=False)]
    columns += [column(name) for name in ("first", "median", "last", "smallest")]
    columns += [column("largest"), column("broken", "steps with NaN or Inf")]
    if several:
        columns = [column("run", numeric=False), *columns]
    places = [(table, row) for table in tables for row in range(len(table.layers))]
    weights = np.concatenate([_oddness(table, statistic) for table in tables])
    odd = sorted(np.argsort(-weights, kind="stable")[:TABLE_ROWS].tolist())
    rows = []
    for table, row in (places[number] for number in odd):
        cells = _row(table, row)
        rows.append([table.run, *cells] if several else cells)
    caption = f"{statistic.title} of each layer over the steps shown"
    if len(places) > TABLE_ROWS:
        caption += f"; the {TABLE_ROWS} that stand out most of {len(places):,}"
    return Table(caption, columns, rows, len(places))


def _profile(table: LayerTable, scale: Scale) -> dict[str, Any]:
    """Returns a figure of the median of each layer, from the first to the last."""
    medians = table.medians
    statistic = scale.statistic
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": figures.rounded(medians),
        "y": [figures.escape(name) for name in table.layers],
        "line": {"color": Token("muted"), "width": 1},
        "marker": {"color": Token("mark"), "size": 7},
        "hovertemplate": "%{y}: %{x:.3~g}<extra></extra>",
    }
    if len(medians) > _MOST_MARKERS:  # they would cover each other, and are slow
        trace |= {"mode": "lines", "line": {"color": Token("mark"), "width": 1}}
    kind: dict[str, Any] = {"type": "log", "exponentformat": "e", "nticks": 4}
    if not statistic.is_log:
        kind = {"range": [-0.02, 1.02], "tickformat": ".0%", "nticks": 4}
    layout = figures.layout(
        figures.height_for(len(table.layers)),
        xaxis=figures.axis(statistic.title, **kind),
        yaxis={**figures.name_axis(table.layers), "showgrid": True}
        | {"showticklabels": False},
    )
    layout["margin"] = {**layout["margin"], "l": 8, "r": 12}
    return {"figure": {"data": [trace], "layout": layout}}


def _row(table: LayerTable, row: int) -> list[Any]:
    values, broken = table.values[row].astype(float), table.broken[row]
    measured = values[np.isfinite(values) & ~broken]
    seen = values[~np.isnan(values) | broken]
    first, last = (seen[0], seen[-1]) if len(seen) else (None, None)
    ends = (measured.min(), measured.max()) if len(measured) else (None, None)
    median = table.medians[row] if len(measured) else None
    return [table.layers[row], first, median, last, *ends, int(broken.sum())]


def _oddness(table: LayerTable, statistic: Statistic) -> np.ndarray:
    """Returns how far each layer is from the middle one; non-finite ones most."""
    medians = table.medians
    if statistic.is_log:
        with np.errstate(divide="ignore", invalid="ignore"):
            medians = np.log10(medians)
        medians = np.where(np.isneginf(medians), -99.0, medians)
    known = medians[np.isfinite(medians)]
    middle = np.median(known) if len(known) else 0.0
    middle = 0.0 if statistic.scale == "share" else middle
    distance = np.nan_to_num(np.abs(medians - middle))
    return distance + 1e3 * table.broken.any(axis=1)


def _may_have_text(tables: Sequence[LayerTable]) -> bool:
    return sum(table.values.size for table in tables) <= _CELLS_WITH_TEXT


def _values(
    values: np.ndarray,
    x: list[Any],
    names: list[str],
    scale: Scale,
    x_name: str,
    with_text: bool,
) -> dict[str, Any]:
    """Returns the trace of all that is finite."""
    z = scale(values)
    shown = "%{text}"
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": x,
        "y": names,
        "z": _with_gaps(np.round(z, 3)),
        "coloraxis": "coloraxis",
        "name": scale.statistic.title,
        "hoverongaps": False,
    }
    if with_text:
        trace["text"] = [[figures.number(v) for v in row] for row in values]
    else:
        shown = "10<sup>%{z:.2f}</sup>" if scale.statistic.is_log else "%{z:.1%}"
    trace["hovertemplate"] = (
        f"%{{y}}<br>{x_name} %{{x}}<br>{scale.statistic.title} {shown}<extra></extra>"
    )
    return trace


def _broken(broken: np.ndarray, x: list[Any], names: list[str]) -> list[dict[str, Any]]:
    """Returns the trace of what is not finite: the steps where anything is."""
    if not broken.any():
        return []
    columns = np.flatnonzero(broken.any(axis=0))
    # A cell of its neighbour on either side keeps the widths of the other trace. All
    # rows are there, for Plotly needs one for each name of the axis.
    left, right = max(columns[0] - 1, 0), min(columns[-1] + 2, broken.shape[1])
    part = broken[:, left:right]
    rows = [[1 if cell else None for cell in row] for row in part.tolist()]
    trace = {
        "type": "heatmap",
        "x": x[left:right],
        "y": names,
        "z": [row if any(row) else [] for row in rows],
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, Token("alarm")], [1, Token("alarm")]],
        "showscale": False,
        "name": figures.NONFINITE,
        "hoverongaps": False,
        "hovertemplate": "%{y}<br>step %{x}<br>NaN or Inf<extra></extra>",
    }
    return [trace]


def _broken_marks(
    broken: np.ndarray, x: list[str], names: list[str]
) -> list[dict[str, Any]]:
    """Returns crosses on the medians of layers that were NaN or infinite at times."""
    rows, columns = np.nonzero(broken)
    if not len(rows):
        return []
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [x[column] for column in columns],
        "y": [names[row] for row in rows],
        "name": figures.NONFINITE,
        "marker": {"color": Token("alarm"), "symbol": "x", "size": 9},
        "hovertemplate": "%{y}<br>layer %{x}<br>NaN or Inf at times<extra></extra>",
    }
    return [trace]


def _with_gaps(values: np.ndarray) -> list[list[Any]]:
    if np.isfinite(values).all():
        return values.tolist()
    gaps = values.astype(object)
    gaps[~np.isfinite(values)] = None
    return gaps.tolist()
