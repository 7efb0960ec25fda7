from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from keras_extras.instrumentation.layer_info import LayerInfo
from keras_extras.instrumentation.nonfinite import NonFinite


@dataclass(frozen=True)
class Observations:
    """All that the rules may look at: the statistics of a training so far.

    Attributes:
        layers: The layers, in model order.
        steps: Array of shape `(steps,)`, values of `optimizer.iterations`.
        statistics: For each statistic an array of shape `(steps, layers)`, or
            `(steps,)` for values of the whole step.
        nonfinite: Where NaN or infinity first appeared, or `None`.
        last_step: Integer. Value of `optimizer.iterations` by now.
    """

    layers: tuple[LayerInfo, ...]
    steps: np.ndarray
    statistics: Mapping[str, np.ndarray]
    nonfinite: NonFinite | None = None
    last_step: int = 0

    def __getitem__(self, statistic: str) -> np.ndarray:
        """Returns a statistic; all NaN if it was not measured."""
        if statistic in self.statistics:
            return self.statistics[statistic]
        return np.full((len(self.steps), len(self.layers)), np.nan)

    def before_nonfinite(self) -> Observations:
        """Returns the part in which all values were still finite."""
        if self.nonfinite is None:
            return self
        return self.at(self.steps < self.nonfinite.step)

    def at(self, kept: np.ndarray) -> Observations:
        """Returns the part at the samples where `kept` holds."""
        return Observations(
            layers=self.layers,
            steps=self.steps[kept],
            statistics={name: a[kept] for name, a in self.statistics.items()},
            nonfinite=self.nonfinite,
            last_step=self.last_step,
        )
