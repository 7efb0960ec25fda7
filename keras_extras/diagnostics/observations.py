from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property

import numpy as np

from keras_extras.diagnostics.outcome import Outcome
from keras_extras.diagnostics.outcome_of import outcome_of
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.data_facts import DataFacts
from keras_extras.records.forward_facts import ForwardFacts
from keras_extras.records.layer_info import LayerInfo
from keras_extras.records.nonfinite_origin import NonFiniteOrigin


@dataclass(frozen=True)
class Observations:
    """All that the rules may look at: the evidence of a training so far.

    Attributes:
        layers: The layers, in model order.
        steps: Array of shape `(steps,)`, values of `optimizer.iterations`.
        statistics: For each statistic an array of shape `(steps, layers)`, or
            `(steps,)` for values of the whole step.
        nonfinite: Where NaN or infinity first appeared, or `None`.
        last_step: Integer. Value of `optimizer.iterations` by now.
        structure: What the model is made of.
        early: A few rows of the first batches.
        recent: A few rows of batches seen lately.
        losses: Array. The loss over the training, each the mean of some batches.
        loss_counts: Array. Over how many batches.
        epochs: For each name of Keras' logs an array with a value per epoch.
        keeps_best: Whether another callback keeps the weights of the best epoch.
        unfrozen_at: Step from which on the layers train that train now.
    """

    layers: tuple[LayerInfo, ...]
    steps: np.ndarray
    statistics: Mapping[str, np.ndarray]
    nonfinite: NonFiniteOrigin | None = None
    last_step: int = 0
    structure: Structure = field(default_factory=Structure)
    early: tuple[BatchRows, ...] = ()
    recent: tuple[BatchRows, ...] = ()
    losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    loss_counts: np.ndarray = field(default_factory=lambda: np.empty(0))
    epochs: Mapping[str, np.ndarray] = field(default_factory=dict)
    keeps_best: bool = False
    unfrozen_at: int = 0

    def __getitem__(self, statistic: str) -> np.ndarray:
        """Returns a statistic; all NaN if it was not measured."""
        if statistic in self.statistics:
            return self.statistics[statistic]
        return np.full((len(self.steps), len(self.layers)), np.nan)

    def before_nonfinite(self) -> Observations:
        """Returns the part in which all values were still finite."""
        if self.nonfinite is None or self.survived:
            return self
        return self.at(self.steps < self.nonfinite.step)

    def since_unfreezing(self) -> Observations:
        """Returns the part in which the same layers trained as now.

        Sums over all layers, and the first value of a layer, mean something else
        before.
        """
        return (
            self if self.unfrozen_at == 0 else self.at(self.steps >= self.unfrozen_at)
        )

    @property
    def forward(self) -> ForwardFacts:
        """What a few calls of the model have shown."""
        return self.structure.forward

    @property
    def data(self) -> DataFacts:
        """What the arrays that `fit` was given have shown."""
        return self.structure.data

    @property
    def survived(self) -> bool:
        """Returns whether the loss is finite although some value was not."""
        found = self.nonfinite
        if found is None or found.step >= self.last_step or not len(self.losses):
            return False
        return bool(np.isfinite(self.losses[-1]))

    @property
    def batches(self) -> tuple[BatchRows, ...]:
        """A few rows of all batches that were sampled."""
        return (*self.early, *self.recent)

    def at(self, kept: np.ndarray) -> Observations:
        """Returns the part at the samples where `kept` holds."""
        return dataclasses.replace(
            self,
            steps=self.steps[kept],
            statistics={name: a[kept] for name, a in self.statistics.items()},
        )

    @cached_property
    def outcome(self) -> Outcome:
        """Returns how well the training goes."""
        return outcome_of(
            self.structure,
            self.early,
            self.recent,
            self.losses,
            self.loss_counts,
            self.epochs,
            self.data.constant,
        )
