"""Shows a sweep over learning rates in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_diagnostics.html_pieces import escaped
from keras_diagnostics.notebook_html import notebook_html
from keras_diagnostics.views.figure import number
from keras_diagnostics.views.svg import svg
from keras_diagnostics.views.sweep import sweep_figure


def sweep_html(sweep: Mapping[str, Any]) -> str:
    """Returns HTML for a cell of a notebook: what to take, the figure, all rules."""
    if not len(sweep["rates"]):
        return notebook_html("<p>No points: the sweep ended at once.</p>")
    label = "Loss by learning rate, with the recommended rate"
    parts = [_verdict(sweep), svg(sweep_figure(sweep), label, 720), _rules(sweep)]
    return notebook_html("".join(parts))


def _verdict(sweep: Mapping[str, Any]) -> str:
    rate, points = sweep["suggestion"], f"{len(sweep['rates']):,} points"
    if rate is None:
        text = f"{points} are too few to recommend a learning rate."
        return f'<p class="verdict warning">{text}</p>'
    text = f"<code>learning_rate={number(rate)}</code>"
    note = f'<span class="muted">rule {escaped(sweep["rule"])}, {points}</span>'
    return f'<p class="verdict good">Recommended: {text} {note}</p>'


def _rules(sweep: Mapping[str, Any]) -> str:
    suggestions = sweep["suggestions"]
    if not suggestions:
        return ""
    head = "".join(f'<th scope="col">{escaped(rule)}</th>' for rule in suggestions)
    row = "".join(f"<td>{number(rate)}</td>" for rate in suggestions.values())
    return f"<table><thead><tr>{head}</tr></thead><tbody><tr>{row}</tr></tbody></table>"
