"""Figures; Plotly is imported only when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    import plotly.graph_objects as go


def graph_objects() -> Any:
    """Returns `plotly.graph_objects`.

    Raises:
        ImportError: If Plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
    except ImportError as error:
        raise ImportError(
            "Plots need Plotly, which is not installed. Run: pip install plotly"
        ) from error
    return go


def line_figure(
    x: Any,
    lines: Mapping[str, Any],
    title: str = "",
    x_title: str = "step",
    y_title: str = "",
) -> go.Figure:
    """Returns a figure with one line for each entry of `lines`."""
    go = graph_objects()
    figure = go.Figure(
        [go.Scatter(x=x, y=y, name=name, mode="lines") for name, y in lines.items()]
    )
    figure.update_layout(
        title=title, xaxis_title=x_title, yaxis_title=y_title, template="plotly_white"
    )
    return figure
