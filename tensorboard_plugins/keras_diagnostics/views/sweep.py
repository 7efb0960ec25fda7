"""What a sweep over learning rates has shown: one figure for tab, report, notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_diagnostics.sampling import choose_steps
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views.card import Panel
from keras_diagnostics.views.card import Table
from keras_diagnostics.views.card import column
from keras_diagnostics.views.theme import Token

_MOST_POINTS = 1000
_MOST_RULES = 20
_BELOW, _ABOVE = 0.08, 0.2  # of what the loss has gained: room around it


def sweep_figure(sweep: Mapping[str, Any]) -> figures.Figure:
    """Returns the figure of a sweep, with the recommended rate and those of all rules.

    The loss axis ends a little above where the loss came from: what diverges would
    hide the rest.

    Args:
        sweep: `rates`, `losses` and `smoothed`, arrays of one length, and what else
            `keras_diagnostics.schema.SWEEP_TAG` says.
    """
    rates, losses, smoothed = (
        np.asarray(sweep[name], float) for name in ("rates", "losses", "smoothed")
    )
    kept = choose_steps(np.arange(len(rates)), _MOST_POINTS, ~np.isfinite(losses))
    rates, losses, smoothed = rates[kept], losses[kept], smoothed[kept]
    raw = figures.line(rates, losses, "loss of the batch", Token("muted"), opacity=0.45)
    raw["line"] = {"color": Token("muted"), "width": 1}
    mean = figures.line(rates, smoothed, "smoothed", Token("mark"))
    data = [raw, mean, *figures.nonfinite_marks(rates, losses, showlegend=False)]
    for trace in data[:2]:
        trace["hovertemplate"] = "rate %{x:.3~g}<br>loss %{y:.4~g}<extra></extra>"
    layout = figures.layout(
        320,
        xaxis=figures.axis("learning rate", type="log", dtick=1, showgrid=False),
        yaxis=figures.axis("loss", nticks=6, **_loss_range(smoothed)),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        shapes=[],
        annotations=[],
    )
    layout["margin"] = {**layout["margin"], "t": 32, "r": 24}
    _mark_range(layout, suggestions_of(sweep))
    _mark_divergence(layout, rates, smoothed)
    data += _recommended(layout, sweep.get("suggestion"), rates, smoothed)
    return {"data": data, "layout": layout}


def sweep_panel(run: str, sweep: Mapping[str, Any]) -> Panel:
    """Returns the panel of a learning-rate finder's sweep."""
    return Panel(run, run, "rate", sweep_figure(sweep))


def sweep_table(sweeps: Mapping[str, Mapping[str, Any]]) -> Table:
    """Returns what the rules suggest for each sweep."""
    columns = [column("run", numeric=False), column("rule", numeric=False)]
    columns += [column("suggestion", "suggested learning rate")]
    columns += [column("lowest", "rate of the lowest smoothed loss"), column("points")]
    rows = []
    for run, sweep in sweeps.items():
        smoothed = np.asarray(sweep["smoothed"], float)
        finite = np.isfinite(smoothed)
        lowest = None
        if finite.any():
            lowest = float(sweep["rates"][int(np.nanargmin(smoothed))])
        suggestions = sweep.get("suggestions")
        suggestions = suggestions if isinstance(suggestions, dict) else {}
        rules = list(suggestions.items())[:_MOST_RULES] or [
            ("not recorded", sweep.get("suggestion"))
        ]
        for rule, rate in rules:
            chosen = " (chosen)" if rule == sweep.get("rule") else ""
            rate = rate if isinstance(rate, int | float) else None
            rows.append([run, f"{rule}{chosen}", rate, lowest, len(smoothed)])
    return Table("What each rule suggests", columns, rows)


def suggestions_of(sweep: Mapping[str, Any]) -> dict[str, float]:
    """Returns the rates that the rules suggest, those that are rates."""
    found = sweep.get("suggestions")
    found = found if isinstance(found, dict) else {}
    rules = list(found.items())[:_MOST_RULES]
    return {str(rule): float(rate) for rule, rate in rules if _is_rate(rate)}


def _is_rate(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value < 1e300


def _origin(smoothed: np.ndarray) -> tuple[int, float, float] | None:
    """Returns where the loss is least, what it is there, and where it came from."""
    finite = np.flatnonzero(np.isfinite(smoothed))
    if not len(finite):
        return None
    lowest = int(finite[smoothed[finite].argmin()])
    before = smoothed[: lowest + 1]
    low, top = float(smoothed[lowest]), float(before[np.isfinite(before)].max())
    if top - low <= 1e-3 * abs(low):  # it never fell: what there is, to the middle
        top = float(np.median(smoothed[finite]))
    return lowest, low, max(top, low + max(abs(low) * 1e-3, 1e-12))


def _loss_range(smoothed: np.ndarray) -> dict[str, Any]:
    origin = _origin(smoothed)
    if origin is None:
        return {}
    _, low, top = origin
    ends = np.array([low - _BELOW * (top - low), top + _ABOVE * (top - low)])
    return {"range": figures.rounded(ends)} if np.isfinite(ends).all() else {}


def _mark_range(layout: figures.Figure, suggestions: Mapping[str, float]) -> None:
    """Marks the rates between the least and the greatest that the rules suggest."""
    if len(suggestions) < 2:
        return
    low, high = min(suggestions.values()), max(suggestions.values())
    layout["shapes"].append(
        {
            "type": "rect",
            "x0": low,
            "x1": high,
            "y0": 0,
            "y1": 1,
            "xref": "x",
            "yref": "paper",
            "fillcolor": Token("mark"),
            "opacity": 0.12,
            "line": {"width": 0},
            "layer": "below",
        }
    )
    text = f"rules: {figures.number(low, 2)} to {figures.number(high, 2)}"
    middle = float(np.log10(low) + np.log10(high)) / 2
    layout["annotations"].append(
        _label(text, middle, 1, Token("muted"), xanchor="center", yanchor="top")
    )


def _mark_divergence(
    layout: figures.Figure, rates: np.ndarray, smoothed: np.ndarray
) -> None:
    """Marks the rate from which on the loss is higher than where it came from."""
    origin = _origin(smoothed)
    if origin is None:
        return
    lowest, _, top = origin
    after = np.flatnonzero(~(smoothed <= top))
    after = after[after > lowest]
    if not len(after):
        return
    rate = float(rates[after[0]])
    line = {"color": Token("alarm"), "width": 1, "dash": "dot"}
    layout["shapes"].append(
        {"type": "line", "x0": rate, "x1": rate, "y0": 0, "y1": 1, "line": line}
        | {"xref": "x", "yref": "paper"}
    )
    where = {"xanchor": "right", "yanchor": "bottom", "xshift": -4}
    text = f"diverges {figures.number(rate, 2)}"
    layout["annotations"].append(
        _label(text, float(np.log10(rate)), 0, Token("alarm"), **where)
    )


def _recommended(
    layout: figures.Figure, rate: Any, rates: np.ndarray, smoothed: np.ndarray
) -> list[figures.Figure]:
    """Returns the point at the suggested rate, and names it."""
    finite = np.isfinite(smoothed)
    if not _is_rate(rate) or not finite.any():
        return []
    x = float(np.log10(float(rate)))
    y = float(np.interp(x, np.log10(rates[finite]), smoothed[finite]))
    text = f"<b>recommended {figures.number(float(rate))}</b>"
    # Below a curve that falls there is room to the left.
    where = {"xanchor": "right", "yanchor": "top", "xshift": -10, "yshift": -2}
    layout["annotations"].append(
        _label(text, x, y, Token("text"), **where) | {"yref": "y"}
    )
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [float(rate)],
            "y": figures.rounded(np.array([y])),
            "name": "recommended",
            "marker": {
                "color": Token("mark"),
                "size": 13,
                "line": {"color": Token("card"), "width": 2},
            },
            "showlegend": False,
            "hovertemplate": "recommended %{x:.3~g}<extra></extra>",
        }
    ]


def _label(text: str, x: float, y: float, color: Token, **more: Any) -> dict[str, Any]:
    """Returns an annotation; on a logarithmic axis it stands at a power of ten."""
    return {
        "text": text,
        "x": x,
        "y": y,
        "xref": "x",
        "yref": "paper",
        "showarrow": False,
        "font": {"color": color},
        "bgcolor": Token("card"),  # the losses of single batches are everywhere
        "borderpad": 1,
        **more,
    }
