"""Figures for Plotly as plain dicts, with what all of them have in common."""

from __future__ import annotations

import html
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_diagnostics.views.theme import Token

Figure = dict[str, Any]

NONFINITE = "NaN or Inf"
_LONGEST_LABEL = 22
_LABELS = 40
_PER_LETTER, _LEFT, _RIGHT = 6.6, (64, 170), 76


def escape(text: str) -> str:
    """Returns text that Plotly, which knows some HTML, shows as it is."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return html.escape(text, quote=False)


def shorten(text: str, longest: int = _LONGEST_LABEL) -> str:
    """Returns text without its middle if it is long."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def without_shared(names: Sequence[str]) -> list[str]:
    """Returns names without the folders that all of the same first folder share.

    The last ones that all names share are left out as well.
    """
    groups: dict[str, list[list[str]]] = {}
    for name in names:
        parts = name.split("/")
        groups.setdefault(parts[0], []).append(parts)
    ends = {first: _shared_ends(group) for first, group in groups.items()}
    _, tail_of_all = _shared_ends([name.split("/") for name in names])
    left = []
    for name in names:
        parts = name.split("/")
        head, tail = ends[parts[0]]
        tail = min(max(tail, tail_of_all), len(parts) - 1 - head)
        kept = "/".join(parts[head : len(parts) - tail])
        left.append(f"…/{kept}" if head else kept)
    return left


def _shared_ends(group: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Returns how many first and last parts are the same in all, but for one part."""
    if len(group) < 2:
        return 0, 0
    room = min(map(len, group)) - 1
    head = tail = 0
    while head < room and len({parts[head] for parts in group}) == 1:
        head += 1
    while tail < room - head and len({parts[-1 - tail] for parts in group}) == 1:
        tail += 1
    return head, tail


def rounded(values: np.ndarray, digits: int = 4) -> list[Any]:
    """Returns nested lists of values with so many significant digits.

    What is not finite becomes `None`.
    """
    values = np.asarray(values, float)
    finite = np.isfinite(values)
    safe = np.where(finite & (values != 0), values, 1.0)
    places = digits - 1 - np.floor(np.log10(np.abs(safe)))
    # Whole numbers times or over an exact power of ten: few digits also in JSON.
    above, below = 10.0 ** places.clip(0, 300), 10.0 ** (-places).clip(0, 300)
    result = np.where(values == 0, 0.0, np.round(safe * above / below) / above * below)
    if finite.all():
        return result.tolist()
    result = result.astype(object)
    result[~finite] = None
    return result.tolist()


def number(value: float, digits: int = 3) -> str:
    """Returns a value as text, short."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return f"{value:.{digits}g}"


def left_margin(names: Iterable[str]) -> int:
    """Returns the width in pixels that names of rows take: one for all of a page."""
    longest = max((len(shorten(name)) for name in names), default=0)
    return int(np.clip(20 + _PER_LETTER * longest, *_LEFT))


def layout(height: int, left: int = _LEFT[0], **more: Any) -> dict[str, Any]:
    """Returns the layout that all figures share, with `more` of it.

    Charts one below another have the same margins, so that their steps align.
    """
    return {
        "autosize": True,
        "meta": {"height": height},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {
            "family": "Roboto, Helvetica, Arial, sans-serif",
            "size": 12,
            "color": Token("text"),
        },
        "hoverlabel": {
            "bgcolor": Token("card"),
            "bordercolor": Token("muted"),
            "font": {"color": Token("text")},
            "align": "left",
        },
        "margin": {"l": left, "r": _RIGHT, "t": 8, "b": 38},
        "showlegend": False,
        **more,
    }


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Returns an axis with a title, which may be the name of a metric in a log."""
    return {
        "title": {
            "text": escape(title),
            "font": {"color": Token("muted"), "size": 12},
            "standoff": 4,
        },
        "gridcolor": Token("grid"),
        "linecolor": Token("muted"),
        "tickcolor": Token("muted"),
        "zeroline": False,
        "exponentformat": "e",  # 1e-6, where Plotly would write 1u
        **more,
    }


def step_axis(**more: Any) -> dict[str, Any]:
    """Returns the x axis of steps."""
    return axis("step", hoverformat=",d", tickformat=",~d", showgrid=False, **more)


def name_axis(names: Sequence[str], labels: Sequence[str] = ()) -> dict[str, Any]:
    """Returns the y axis of names, the first on top."""
    return axis(
        "",
        type="category",
        categoryorder="array",
        categoryarray=[escape(name) for name in names],
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        **ticks(names, labels),
    )


def ticks(names: Sequence[str], labels: Sequence[str] = ()) -> dict[str, Any]:
    """Returns labels for an axis of names, short, and not more than fit."""
    each = -(-len(names) // _LABELS) or 1
    return {
        "tickmode": "array",
        "tickvals": [escape(name) for name in names[::each]],
        "ticktext": [escape(shorten(label)) for label in (labels or names)[::each]],
    }


def height_for(rows: int) -> int:
    """Returns the height in pixels of a chart with so many rows."""
    return int(np.clip(120 + 22 * rows, 240, 640))


def line(
    x: np.ndarray, y: np.ndarray, name: str, color: Token, **more: Any
) -> dict[str, Any]:
    """Returns the trace of a line; where `y` is not finite it has a gap."""
    return {
        "type": "scatter",
        "mode": "lines" if len(x) > 1 else "markers",
        "x": rounded(x, 9),
        "y": rounded(y),
        "name": escape(name),
        "line": {"color": color, "width": 2},
        "marker": {"color": color},
        **more,
    }


def nonfinite_marks(x: np.ndarray, y: np.ndarray, **more: Any) -> list[dict[str, Any]]:
    """Returns crosses along the x axis where `y` is NaN or infinite, if it is."""
    broken = ~np.isfinite(y)
    if not broken.any():
        return []
    finite = y[~broken]
    level = float(finite.min()) if len(finite) else 0.0
    count = int(broken.sum())
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": rounded(x[broken], 9),
        "y": rounded(np.full(count, level)),
        "text": [number(value) for value in y[broken]],
        "name": NONFINITE,
        "marker": {"color": Token("alarm"), "symbol": "x", "size": 8},
        "hovertemplate": "%{x}: %{text}<extra></extra>",
        **more,
    }
    return [trace]
