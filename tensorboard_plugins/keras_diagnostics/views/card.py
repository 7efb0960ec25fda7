"""Defines what a view returns: panels, each with a figure, and a table of the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from keras_diagnostics.views.figure import Figure

TABLE_ROWS = 20


@dataclass
class Table:
    """The text alternative of a card.

    Attributes:
        caption: String, what it shows.
        columns: Dicts with `id`, `title` and `numeric`.
        rows: Lists of texts, numbers and `None`.
        of: Integer, rows there would be in full.
    """

    caption: str
    columns: list[dict[str, Any]]
    rows: list[list[Any]]
    of: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain values for JSON."""
        return {
            "caption": self.caption,
            "columns": self.columns,
            "rows": [[_cell(value) for value in row] for row in self.rows],
            "shown": len(self.rows),
            "of": max(self.of, len(self.rows)),
        }


@dataclass
class Panel:
    """One figure of a card, and what links it with others."""

    run: str | None
    title: str
    x: str
    figure: Figure
    kind: str = "lines"
    log: bool = False
    zero: float | None = None
    rows: list[str] = field(default_factory=list)
    profile: dict[str, Any] | None = None


@dataclass
class Card:
    """The answer to a `Request`; `message` says why it is empty if it is."""

    panels: list[Panel] = field(default_factory=list)
    table: Table | None = None
    message: str | None = None
    steps: dict[str, Any] | None = None
    metric: str | None = None
    metrics: list[dict[str, str]] = field(default_factory=list)


def column(id: str, title: str | None = None, numeric: bool = True) -> dict[str, Any]:
    """Returns the description of a column of a table."""
    return {"id": id, "title": title or id, "numeric": numeric}


def steps_shown(
    shown: int,
    steps: Sequence[int] | np.ndarray,
    there: tuple[int, int],
    sampled: int | None = None,
) -> dict[str, Any]:
    """Returns which share of the steps is shown.

    Args:
        shown: Integer, number of steps in the charts.
        steps: The steps that could be shown.
        there: Two integers, number of steps in the range asked for and in the run,
            sampled or not.
        sampled: Integer, number of those in the range that were sampled; `None` if
            every step was noted.
    """
    in_range, trained = there
    recorded = max(in_range if sampled is None else sampled, len(steps), shown)
    where = " in range" if in_range < trained else ""
    if recorded < in_range:
        part = f"{shown:,} of {recorded:,}" if shown < recorded else f"{shown:,}"
        text = f"{part} sampled of {in_range:,} steps{where}"
    else:
        part = f"{shown:,} of" if shown < recorded else "all"
        text = f"{part} {recorded:,} steps{where}"
    return {
        "shown": shown,
        "recorded": recorded,
        "first": int(steps[0]) if len(steps) else None,
        "last": int(steps[-1]) if len(steps) else None,
        "text": text,
    }


def _cell(value: Any) -> Any:
    if not isinstance(value, float | np.floating):
        return value
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return float(f"{value:.4g}")
