"""Draws our figures as SVG, for places without scripts: a cell of a notebook.

Knows of Plotly's figures what our views use: lines and markers over linear and
logarithmic axes, one heatmap of layers by steps, shapes and annotations. Colours are
custom properties of CSS, so that they follow the theme.
"""

from __future__ import annotations

import hashlib
import html
import math
import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_diagnostics.views.figure import number
from keras_diagnostics.views.theme import VIRIDIS
from keras_diagnostics.views.theme import Token

_RIGHT = 12
_TICKS = 5
_MOST_CELLS = 6_000
_TAGS = re.compile(r"</?b>")


@dataclass(frozen=True)
class _Axis:
    """Turns values into pixels."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: Any) -> Any:
        values = np.asarray(value, float)
        if self.is_log:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log10(values)
        share = (values - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Returns round values, a few of them."""
        if self.is_log:
            decades = range(
                math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1
            )
            each = max(len(decades) // 8, 1)
            return [10.0**power for power in decades[::each]]
        span = self.high - self.low
        if not span > 0:
            return [self.low]
        raw = span / _TICKS
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def svg(figure: Mapping[str, Any], label: str, width: int = 640) -> str:
    """Returns a figure as an `<svg>` element.

    Args:
        figure: A figure of our views, not painted.
        label: String, what it shows, for who cannot see it.
        width: Integer, pixels; it shrinks with its surroundings.
    """
    layout = figure["layout"]
    height, margin = int(layout["meta"]["height"]), layout["margin"]
    box = (margin["l"], margin["t"], width - _RIGHT, height - margin["b"])
    x_axis = _axis(layout["xaxis"], _values(figure, "x", "x"), box[0], box[2])
    parts = []
    y_axes: dict[str, _Axis] = {}
    for name in (n for n in layout if n.startswith("yaxis")):
        key = name.replace("axis", "")
        low, high = layout[name].get("domain", (0.0, 1.0))
        span = box[3] - box[1]
        ends = box[3] - low * span, box[3] - high * span
        y_axes[key] = _axis(layout[name], _values(figure, "y", key), *ends)
        parts += _y_ticks(layout[name], y_axes[key], box)
    parts += _x_ticks(layout["xaxis"], x_axis, box)
    drawn = [_shape(shape, x_axis, box) for shape in layout.get("shapes", ())]
    for trace in figure["data"]:
        y_axis = y_axes[trace.get("yaxis", "y")]
        draw = _heatmap if trace["type"] == "heatmap" else _line
        drawn += draw(trace, x_axis, y_axis, layout)
    inside = "".join(drawn)
    # Figures of one page have names of their own; the same figure has the same.
    clip = f"keras-extras-{hashlib.sha256(inside.encode()).hexdigest()[:12]}"
    parts.append(f'<g clip-path="url(#{clip})">{inside}</g>')
    notes = layout.get("annotations", ())
    parts += [_annotation(note, x_axis, y_axes, box) for note in notes]
    rect = f'x="{box[0]}" y="{box[1]}" width="{box[2] - box[0]}"'
    return (
        f'<svg role="img" aria-label="{html.escape(label)}" viewBox="0 0 {width} '
        f'{height}" width="{width}" height="{height}"><clipPath id="{clip}"><rect '
        f'{rect} height="{box[3] - box[1]}"/></clipPath>{"".join(parts)}</svg>'
    )


def _values(figure: Mapping[str, Any], part: str, axis: str) -> np.ndarray:
    found = [
        np.array([np.nan if v is None else v for v in trace[part]], float)
        for trace in figure["data"]
        if trace["type"] != "heatmap" or part == "x"
        if part == "x" or trace.get("yaxis", "y") == axis
    ]
    values = np.concatenate([*found, np.zeros(0)])
    return values[np.isfinite(values)]


def _axis(
    layout: Mapping[str, Any], values: np.ndarray, start: float, end: float
) -> _Axis:
    is_log = layout.get("type") == "log"
    if "range" in layout:
        low, high = layout["range"]
    elif len(values):
        values = np.log10(values[values > 0]) if is_log else values
        low, high = float(values.min()), float(values.max())
        pad = 0.0 if layout.get("showgrid") is False else 0.05 * (high - low)
        low, high = (low - pad, high + pad) if high > low else (low - 0.5, high + 0.5)
    else:
        low, high = 0.0, 1.0
    return _Axis(low, high, start, end, is_log)


def _y_ticks(layout: Mapping[str, Any], axis: _Axis, box: Sequence[float]) -> list[str]:
    pairs: list[tuple[float, str]]
    if "ticktext" in layout:
        names = [str(n) for n in layout["categoryarray"]]
        places = [float(names.index(name)) for name in layout["tickvals"]]
        pairs = list(zip(places, layout["ticktext"]))
    else:
        pairs = [(value, _tick(value)) for value in axis.ticks()]
    parts = []
    for value, text in pairs:
        y = float(axis(value))
        if layout.get("showgrid", True):
            parts.append(_rule(box[0], box[2], y, y, "grid"))
        parts.append(_text(html.unescape(text), box[0] - 6, y + 4, "end"))
    parts.append(_rule(box[0], box[0], axis.start, axis.end, "muted"))
    title = layout["title"]["text"]
    if title:
        parts.append(_text(html.unescape(title), box[0], axis.end - 8, "start"))
    return parts


def _x_ticks(layout: Mapping[str, Any], axis: _Axis, box: Sequence[float]) -> list[str]:
    bottom = box[3]
    parts = [_rule(box[0], box[2], bottom, bottom, "muted")]
    for value in axis.ticks():
        x = float(axis(value))
        if box[0] - 1 <= x <= box[2] + 1:
            parts.append(_rule(x, x, bottom, bottom + 4, "muted"))
            parts.append(_text(_tick(value), x, bottom + 17, "middle"))
    title = html.unescape(layout["title"]["text"])
    parts.append(_text(title, (box[0] + box[2]) / 2, bottom + 33, "middle"))
    return parts


def _line(
    trace: Mapping[str, Any], x_axis: _Axis, y_axis: _Axis, layout: Any
) -> list[str]:
    xs = x_axis(trace["x"])
    ys = y_axis([np.nan if v is None else v for v in trace["y"]])
    color = _color(trace.get("marker", {}).get("color", Token("mark")))
    if trace["mode"] == "markers":
        radius = trace["marker"].get("size", 6) / 2
        return [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{color}"/>'
            for x, y in zip(xs, ys)
            if np.isfinite(x) and np.isfinite(y)
        ]
    pieces, pen = [], "M"
    for x, y in zip(xs, ys):
        if np.isfinite(x) and np.isfinite(y):
            pieces.append(f"{pen}{x:.1f} {min(max(y, -1e4), 1e4):.1f}")
            pen = "L"
        else:
            pen = "M"
    line = trace["line"]
    dash = ' stroke-dasharray="6 4"' if line.get("dash") == "dash" else ""
    return [
        f'<path d="{"".join(pieces)}" fill="none" stroke="{_color(line["color"])}" '
        f'stroke-width="{line.get("width", 2)}" '
        f'opacity="{trace.get("opacity", 1)}"{dash}/>'
    ]


def _heatmap(
    trace: Mapping[str, Any], x_axis: _Axis, y_axis: _Axis, layout: Mapping[str, Any]
) -> list[str]:
    """Draws cells from the middle between two steps to the next one."""
    steps = np.asarray(trace["x"], float)
    if steps.size * len(trace["z"]) > _MOST_CELLS:
        return []
    middles = (steps[1:] + steps[:-1]) / 2
    edges = x_axis(np.concatenate([[steps[0] - 0.5], middles, [steps[-1] + 0.5]]))
    axis = layout.get("coloraxis", {})
    low, high = axis.get("cmin", 0.0), axis.get("cmax", 1.0)
    names = list(layout["yaxis"]["categoryarray"])
    parts = []
    for name, row in zip(trace["y"], trace["z"]):
        top, bottom = sorted(y_axis(names.index(name) + np.array([-0.5, 0.5])))
        for column, value in enumerate(row):
            if value is None:
                continue
            color = "var(--alarm)"
            if trace.get("coloraxis"):
                share = min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0)
                color = viridis(share)
            left, right = edges[column], edges[column + 1]
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left + 0.3:.1f}" '
                f'height="{bottom - top + 0.3:.1f}" fill="{color}"/>'
            )
    return ['<g shape-rendering="crispEdges">', *parts, "</g>"]


def viridis(share: float) -> str:
    """Returns the colour that stands for a share between 0 and 1."""
    place = share * (len(VIRIDIS) - 1)
    left = min(int(place), len(VIRIDIS) - 2)
    ends = [
        [int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in VIRIDIS[left : left + 2]
    ]
    mixed = (a + (b - a) * (place - left) for a, b in zip(*ends))
    return "#" + "".join(f"{round(part):02x}" for part in mixed)


def _shape(shape: Mapping[str, Any], x_axis: _Axis, box: Sequence[float]) -> str:
    left, right = (float(x_axis(shape[end])) for end in ("x0", "x1"))
    if shape["type"] == "rect":
        return (
            f'<rect x="{left:.1f}" y="{box[1]}" width="{max(right - left, 1):.1f}" '
            f'height="{box[3] - box[1]}" fill="{_color(shape["fillcolor"])}" '
            f'opacity="{shape.get("opacity", 1)}"/>'
        )
    return (
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{box[1]}" y2="{box[3]}" '
        f'stroke="{_color(shape["line"]["color"])}" stroke-dasharray="2 3"/>'
    )


def _annotation(
    note: Mapping[str, Any],
    x_axis: _Axis,
    y_axes: Mapping[str, _Axis],
    box: Sequence[float],
) -> str:
    place = {"left": "start", "right": "end"}.get(note.get("xanchor", ""), "middle")
    x = float(x_axis(10.0 ** note["x"] if x_axis.is_log else note["x"]))
    if note["xref"] == "paper":
        x = box[0] + note["x"] * (box[2] - box[0])
    y = box[3] - note["y"] * (box[3] - box[1])
    if note["yref"] != "paper":
        y = float(y_axes[note["yref"]](note["y"]))
    y += {"bottom": -4, "top": 12}.get(note.get("yanchor", ""), 4)
    x, y = x + note.get("xshift", 0), y - note.get("yshift", 0)
    text = html.unescape(_TAGS.sub("", note["text"]))
    bold = ' font-weight="600"' if "<b>" in note["text"] else ""
    halo = ' paint-order="stroke" stroke="var(--card)" stroke-width="4"'
    more = bold + (halo if "bgcolor" in note else "")
    return _text(text, x, y, place, _color(note["font"]["color"]), more)


def _rule(x1: float, x2: float, y1: float, y2: float, token: str) -> str:
    return (
        f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" '
        f'stroke="var(--{token})"/>'
    )


def _text(
    text: str, x: float, y: float, anchor: str, color: str = "", more: str = ""
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'fill="{color or "var(--muted)"}"{more}>{html.escape(text)}</text>'
    )


def _tick(value: float) -> str:
    """Returns a number of an axis: 1e-6, 0.05, 20,000."""
    if value and not 1e-3 <= abs(value) < 1e6:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:,.0f}" if float(value).is_integer() else number(value, 4)


def _color(color: Any) -> str:
    return f"var(--{color})" if isinstance(color, Token) else "currentColor"
