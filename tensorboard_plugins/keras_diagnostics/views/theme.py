"""Colours. Views name them with tokens; `paint` puts in those of a theme."""

from __future__ import annotations

from typing import Any

THEMES = ("light", "dark")

# TensorBoard's own, in its order; the first differs in the dark.
_SHARED = ["#12b5cb", "#e52592", "#f9ab00", "#9334e6", "#7cb342", "#e8710a"]
RUN_COLORS = {"light": ["#425066", *_SHARED], "dark": ["#8e98a3", *_SHARED]}

VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e"]
VIRIDIS += ["#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"]

_COLORS: dict[str, dict[str, Any]] = {
    "light": {
        "text": "#202124",
        "muted": "#5f6368",
        "grid": "#e8eaed",
        "card": "#ffffff",
        "mark": "#1967d2",
        "alarm": "#d50000",
        "share": ["#f8f9fa", "#f9ab00", "#7a1f00"],
        "ratio": ["#2166ac", "#92c5de", "#f8f9fa", "#f4a582", "#b35806"],
        "counts": ["#ffffff", "#9ecae1", "#2171b5", "#08306b"],
        "viridis": VIRIDIS,
    },
    "dark": {
        "text": "#e8eaed",
        "muted": "#bdc1c6",
        "grid": "#4a4b4d",
        "card": "#303030",
        "mark": "#8ab4f8",
        "alarm": "#ff5252",
        "share": ["#303134", "#b06000", "#fdd663"],
        "ratio": ["#5aa9e6", "#2f5d82", "#303134", "#8a5a2b", "#ffb066"],
        "counts": ["#303030", "#2b5c8a", "#6baed6", "#deebf7"],
        "viridis": VIRIDIS,
    },
}

# Numbers and names: long, and without colours.
_LONG = frozenset(
    {"x", "y", "z", "text", "rows", "ticktext", "tickvals", "categoryarray"}
)


class Token(str):
    """The name of a colour; a class of its own, which no text of a log can be."""


def run_color(index: int) -> Token:
    """Returns the token of the colour of the run of that number."""
    return Token(f"run{index % len(RUN_COLORS['light'])}")


def paint(value: Any, theme: str) -> Any:
    """Returns a copy of a figure, with the colours of `theme` for tokens."""
    if isinstance(value, Token):
        return _color(value, theme)
    if isinstance(value, dict):
        return {
            key: item if key in _LONG else paint(item, theme)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [paint(item, theme) for item in value]
    return value


def _color(token: Token, theme: str) -> Any:
    if token.startswith("run"):
        return RUN_COLORS[theme][int(token[3:])]
    color = _COLORS[theme][token]
    if isinstance(color, str):
        return color
    last = len(color) - 1
    return [[number / last, item] for number, item in enumerate(color)]
