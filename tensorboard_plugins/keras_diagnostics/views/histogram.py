"""Draws how the values of one layer are distributed, over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_diagnostics.sampling import choose_steps
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views.card import TABLE_ROWS
from keras_diagnostics.views.card import Panel
from keras_diagnostics.views.card import Table
from keras_diagnostics.views.card import column
from keras_diagnostics.views.theme import Token

_BINS = 48
_LARGEST = 1e150  # differences and sums of such numbers are finite

Histograms = Sequence[tuple[int, np.ndarray]]


def usable(histograms: Histograms) -> list[tuple[int, np.ndarray]]:
    """Returns the histograms whose buckets can be drawn, by step."""
    wide = ((step, buckets.astype(float)) for step, buckets in histograms)
    kept = {step: buckets for step, buckets in wide if _is_usable(buckets)}
    return sorted(kept.items())


def _is_usable(buckets: np.ndarray) -> bool:
    if buckets.ndim != 2 or buckets.shape[1:] != (3,) or not len(buckets):
        return False
    counts = buckets[:, 2]
    return bool(
        (np.abs(buckets) < _LARGEST).all()  # NaN is not
        and (np.diff(buckets[:, 0]) >= 0).all()
        and (counts >= 0).all()
        and counts.sum() > 0
    )


def common_bins(histograms: Histograms, bins: int = _BINS) -> tuple[np.ndarray, ...]:
    """Returns the edges of common bins, and the counts of each step in them.

    The edges span what all but the most extreme steps hold; what lies beyond counts
    in the outer bins. Within a bucket values are taken to be evenly spread.
    """
    lows = np.array([buckets[0, 0] for _, buckets in histograms])
    highs = np.array([buckets[-1, 1] for _, buckets in histograms])
    low, high = np.percentile(lows, 5), np.percentile(highs, 95)
    if not low < high:
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, bins + 1)
    counts = np.stack([_counts(buckets, edges) for _, buckets in histograms])
    return edges, counts


def histogram_panel(
    run: str, title: str, histograms: Histograms, columns: int, left: int
) -> Panel:
    """Returns the panel of one layer: values by steps, darker where there are more."""
    steps = np.array([step for step, _ in histograms], int)
    kept = choose_steps(steps, columns)
    edges, counts = common_bins([histograms[i] for i in kept])
    centers = (edges[:-1] + edges[1:]) / 2
    shares = counts / counts.sum(axis=1, keepdims=True)
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": steps[kept].tolist(),
        "y": figures.rounded(centers, 6),
        "z": np.round(np.log10(1 + counts).T, 3).tolist(),
        "text": [[f"{share:.2%}" for share in row] for row in shares.T],
        "coloraxis": "coloraxis",
        "name": "share of values",
        "hovertemplate": "step %{x:,d}<br>value %{y:.3~g}<br>%{text} of the values"
        "<extra></extra>",
    }
    largest = int(np.ceil(np.log10(1 + counts.max())))
    bar = {
        "thickness": 12,
        "outlinewidth": 0,
        "tickvals": list(range(largest + 1)),
        "ticktext": ["0", *(f"1e{n}" for n in range(1, largest + 1))],
        "title": {"text": "values", "font": {"color": Token("muted")}},
    }
    axis = {"cmin": 0, "colorscale": Token("counts"), "colorbar": bar}
    layout = figures.layout(
        280,
        left,
        xaxis=figures.step_axis(),
        yaxis=figures.axis("value", showgrid=False),
        coloraxis=axis,
    )
    figure = {"data": [trace], "layout": layout}
    return Panel(run, title, "step", figure, kind="heatmap", log=True, zero=0.0)


def histogram_table(histograms: Histograms) -> Table:
    """Returns quantiles at some of the steps."""
    steps = np.array([step for step, _ in histograms], int)
    kept = choose_steps(steps, TABLE_ROWS)
    names = ("smallest", "10 %", "median", "90 %", "largest")
    rows = []
    for index in kept:
        step, buckets = histograms[index]
        edges, total = _cumulated(buckets)
        quantiles = np.interp(np.array([0.1, 0.5, 0.9]) * total[-1], total, edges)
        rows.append([step, buckets[0, 0], *quantiles.tolist(), buckets[-1, 1]])
    columns = [column("step"), *(column(name) for name in names)]
    return Table("Quantiles of the values", columns, rows, len(histograms))


def _counts(buckets: np.ndarray, edges: np.ndarray) -> np.ndarray:
    places, total = _cumulated(buckets)
    at_edges = np.interp(edges, places, total)
    at_edges[0], at_edges[-1] = 0.0, total[-1]
    return np.diff(at_edges)


def _cumulated(buckets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns places and how many values lie below each of them."""
    places = np.concatenate([buckets[:1, 0], buckets[:, 1]])
    total = np.concatenate([[0.0], np.cumsum(buckets[:, 2])])
    return np.maximum.accumulate(places), total
