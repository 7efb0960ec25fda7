"""The cards of the dashboard: which there are, and what each answers to a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras_diagnostics.board import Board
from keras_diagnostics.histogram_card import histogram_card
from keras_diagnostics.layer_cards import compare_card
from keras_diagnostics.layer_cards import layer_card
from keras_diagnostics.line_cards import finder_card
from keras_diagnostics.line_cards import loss_card
from keras_diagnostics.line_cards import schedule_card
from keras_diagnostics.line_cards import uncertainty_card
from keras_diagnostics.request import Request
from keras_diagnostics.statistics import STATISTICS
from keras_diagnostics.statistics import statistics_of
from keras_diagnostics.views.card import Card
from keras_diagnostics.views.card import Panel
from keras_diagnostics.views.theme import paint


@dataclass(frozen=True)
class Kind:
    """A card: what it is called, how to read it, and what makes it.

    Attributes:
        id: String.
        title: String.
        how: String, one line.
        x: String, what its x axis is.
        make: Function from a `Board` and a `Request` to a `Card`.
        metrics: The statistics to choose from: dicts with `id` and `title`.
    """

    id: str
    title: str
    how: str
    x: str
    make: Callable[[Board, Request], Card]
    metrics: tuple[dict[str, str], ...] = ()

    def describe(self) -> dict[str, Any]:
        """Returns what a front end must know of it."""
        named = {k: getattr(self, k) for k in ("id", "title", "how", "x")}
        return {**named, "metrics": list(self.metrics)}


def answer(board: Board, request: Request, theme: str) -> dict[str, Any]:
    """Returns what a card shows, as plain values for JSON.

    Raises:
        ValueError: If the request names a card, a metric or a pattern of layers that
            there cannot be.
    """
    kind = KINDS.get(request.card)
    if kind is None:
        raise ValueError(f"`card` must be one of {', '.join(KINDS)}.")
    request.pattern.is_in("")  # a wrong one is named by cards without layers too
    card = kind.make(board, request)
    return {
        "card": kind.id,
        "title": kind.title,
        "how": kind.how,
        "state": "ok" if card.panels or card.table else "empty",
        "message": card.message,
        "metric": card.metric,
        "metrics": card.metrics,
        "steps": card.steps,
        "panels": [
            paint(_panel(kind, number, panel), theme)
            for number, panel in enumerate(card.panels)
        ],
        "table": None if card.table is None else card.table.to_dict(),
        "problems": problems_of(board),
    }


def problems_of(board: Board) -> list[dict[str, Any]]:
    """Returns what could not be read, as plain values for JSON."""
    return [{"run": p.run, "text": p.text} for p in board.source.problems]


def _panel(kind: Kind, number: int, panel: Panel) -> dict[str, Any]:
    return {"id": f"{kind.id}-{number}", **vars(panel)}


def _metrics(card: str | None) -> tuple[dict[str, str], ...]:
    chosen = STATISTICS.values() if card is None else statistics_of(card)
    return tuple({"id": s.id, "title": s.title} for s in chosen)


KINDS = {
    kind.id: kind
    for kind in (
        Kind(
            "loss",
            "Loss and metrics",
            "What Keras reports after each batch, the mean since the epoch began; "
            "dashed is validation. A loss that falls while that of validation rises is "
            "overfitting.",
            "step",
            loss_card,
        ),
        Kind(
            "schedule",
            "Learning rate and momentum",
            "What the optimizer really used at each step, schedules and callbacks "
            "included.",
            "step",
            schedule_card,
        ),
        Kind(
            "gradients",
            "Gradient flow",
            "Each row is a layer, input on top: rows that darken towards the top "
            "vanish, columns that brighten explode. Red is NaN or Inf.",
            "step",
            layer_card,
            _metrics("gradients"),
        ),
        Kind(
            "updates",
            "Update-to-weight ratio",
            "What fades into the card is about 1e-3, which is healthy; blue layers "
            "hardly learn, orange ones change too fast.",
            "step",
            layer_card,
            _metrics("updates"),
        ),
        Kind(
            "activations",
            "Activations",
            "Healthy layers fade into the card: a row that stands out is a layer whose "
            "units are dead or saturated.",
            "step",
            layer_card,
            _metrics("activations"),
        ),
        Kind(
            "finder",
            "Learning-rate finder",
            "Take the rate where the smoothed loss falls steadily, well before it "
            "rises.",
            "rate",
            finder_card,
        ),
        Kind(
            "uncertainty",
            "Uncertainty (MC dropout)",
            "Mutual information (bald) falls while the model learns; a calibration "
            "error (ece) that rises is a sign of overfitting.",
            "epoch",
            uncertainty_card,
        ),
        Kind(
            "histogram",
            "Distribution in a layer",
            "Each column is a histogram of the values at one step: watch it collapse "
            "to 0 or spread out.",
            "step",
            histogram_card,
            tuple({"id": k, "title": f"{k}s"} for k in ("activation", "gradient")),
        ),
        Kind(
            "compare",
            "Comparison of runs",
            "The worst runs stand out by their findings; the charts below have one "
            "colour range, so the same colour is the same value in each.",
            "step",
            compare_card,
            _metrics(None),
        ),
    )
}
