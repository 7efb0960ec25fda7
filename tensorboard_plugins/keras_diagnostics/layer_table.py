from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LayerTable:
    """One statistic of one run, as it is to be shown.

    Attributes:
        run: String.
        steps: Integers of shape `(steps,)`.
        layers: Names of the layers, those on top first.
        values: Floats of shape `(layers, steps)`.
        broken: Booleans of that shape: where NaN or infinity is what was measured,
            rather than nothing.
    """

    run: str
    steps: np.ndarray
    layers: tuple[str, ...]
    values: np.ndarray
    broken: np.ndarray

    def at(self, columns: np.ndarray) -> LayerTable:
        """Returns the table of some of its steps, by index."""
        return LayerTable(
            self.run,
            self.steps[columns],
            self.layers,
            self.values[:, columns],
            self.broken[:, columns],
        )

    def only(self, rows: np.ndarray) -> LayerTable:
        """Returns the table of some of its layers, by index."""
        return LayerTable(
            self.run,
            self.steps,
            tuple(self.layers[row] for row in rows),
            self.values[rows],
            self.broken[rows],
        )

    @functools.cached_property
    def medians(self) -> np.ndarray:
        """The median of each layer, NaN where nothing finite was measured."""
        usable = np.where(self.broken | ~np.isfinite(self.values), np.nan, self.values)
        if not usable.size:
            return np.full(len(self.layers), np.nan)
        ordered = np.sort(usable.astype(float), axis=1)  # NaN comes last
        count = np.isfinite(ordered).sum(axis=1)
        row = np.arange(len(ordered))
        lower, upper = (
            np.maximum(count - 1, 0) // 2,
            np.minimum(count // 2, ordered.shape[1] - 1),
        )
        return (ordered[row, lower] + ordered[row, upper]) / 2
