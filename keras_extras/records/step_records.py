"""Holds what sampled steps tell: the type that statistics hand on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

import numpy as np


@dataclass(frozen=True)
class StepRecords:
    """The statistics of some optimizer steps; the first axis of all arrays.

    Attributes:
        steps: Integers. Values of `optimizer.iterations` before each step, to which
            those before the optimizer was reset in mid-training are added.
        layers: Names of the layers, in model order: the second axis.
        statistics: For each statistic one value per step and layer; NaN where a
            layer has no such value.
        scalars: Values that belong to the whole step.
        hyperparameters: Learning rate and the like.
        histograms: For each kind and layer, and each step, smallest value, largest
            value and counts in equal bins between; no counts where nothing was seen.
    """

    steps: np.ndarray
    layers: tuple[str, ...] = ()
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)
    scalars: Mapping[str, np.ndarray] = field(default_factory=dict)
    hyperparameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    histograms: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)

    @property
    def values_of_step(self) -> dict[str, np.ndarray]:
        """All that has one value per step."""
        return {**self.hyperparameters, **self.scalars}

    def at(self, kept: np.ndarray) -> StepRecords:
        """Returns the records of the steps where `kept` holds, or of those indices."""
        return StepRecords(
            steps=self.steps[kept],
            layers=self.layers,
            statistics={name: a[kept] for name, a in self.statistics.items()},
            scalars={name: a[kept] for name, a in self.scalars.items()},
            hyperparameters={k: a[kept] for k, a in self.hyperparameters.items()},
            histograms={
                kind: {name: a[kept] for name, a in by_layer.items()}
                for kind, by_layer in self.histograms.items()
            },
        )

    def later(self, steps: int) -> StepRecords:
        """Returns the same of as many steps later."""
        return dataclasses.replace(self, steps=self.steps + steps)

    def about(self, layers: tuple[str, ...], kinds: tuple[str, ...]) -> StepRecords:
        """Returns the part about some layers and kinds of values.

        Args:
            layers: Names of layers of these records.
            kinds: Words that names of statistics contain, such as `"gradient"`;
                `"hyperparameter"` for the hyperparameters.
        """
        columns = [self.layers.index(name) for name in layers] if self.layers else []
        return StepRecords(
            steps=self.steps,
            layers=layers if self.layers else (),
            statistics={
                name: values[:, columns]
                for name, values in self.statistics.items()
                if _concerns(name, kinds)
            },
            scalars={k: v for k, v in self.scalars.items() if _concerns(k, kinds)},
            hyperparameters=self.hyperparameters if "hyperparameter" in kinds else {},
            histograms={
                kind: {n: h for n, h in by_layer.items() if n in layers}
                for kind, by_layer in self.histograms.items()
                if _concerns(kind, kinds)
            },
        )


def _concerns(name: str, kinds: tuple[str, ...]) -> bool:
    return any(kind in name for kind in kinds)
