from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from keras_diagnostics.layer_pattern import LayerPattern


@dataclass(frozen=True)
class Request:
    """Says what is to be shown.

    Attributes:
        card: String, id of the card.
        runs: Names of the runs, in order.
        metric: String or `None` for the card's first.
        layers: Regular expression that names of layers contain, or `""`.
        first: Integer or `None`, the first step.
        last: Integer or `None`, the last step.
        columns: Integer, most steps of a chart.
        layer: String or `None`, the one layer that it is about.
    """

    card: str
    runs: tuple[str, ...]
    metric: str | None = None
    layers: str = ""
    first: int | None = None
    last: int | None = None
    columns: int = 300
    layer: str | None = None

    @functools.cached_property
    def pattern(self) -> LayerPattern:
        """Returns what `layers` describes; raises a `ValueError` if that is nothing."""
        return LayerPattern(self.layers)

    def contains(self, steps: np.ndarray) -> np.ndarray:
        """Returns which of some steps are in the range asked for."""
        first = -np.inf if self.first is None else self.first
        last = np.inf if self.last is None else self.last
        return (steps >= first) & (steps <= last)
