from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from keras_extras.constraints.limits import is_limited
from keras_extras.inspection import measures
from keras_extras.inspection.monitored_layers import MonitoredLayer


@dataclass(frozen=True, eq=False)
class RowLayout:
    """The layers and measurements of one sampled step.

    Attributes:
        layers: The layers to measure, in model order.
        measures: The names of the measurements, from `measures`.
    """

    layers: tuple[MonitoredLayer, ...]
    measures: frozenset[str]

    @cached_property
    def trained(self) -> tuple[MonitoredLayer, ...]:
        """The layers that have trainable variables of their own."""
        return tuple(layer for layer in self.layers if layer.variables)

    @cached_property
    def variables(self) -> list[Any]:
        """The variables of all layers."""
        return [v for layer in self.layers for v in layer.variables]

    @cached_property
    def activations(self) -> list[str | None]:
        """Name of the activation function of each layer."""
        return [layer.info.activation for layer in self.layers]

    @property
    def needs_outputs(self) -> bool:
        """Whether what layers return is to be measured."""
        return bool(self.measures & measures.OF_OUTPUTS)

    @property
    def needs_gradients(self) -> bool:
        """Whether gradients are to be measured."""
        return bool(self.measures & measures.OF_GRADIENTS)

    @property
    def has_updates(self) -> bool:
        """Whether the change of the weights is to be measured."""
        return measures.UPDATES in self.measures

    @cached_property
    def has_limits(self) -> bool:
        """Whether there are max-norm constraints to look at."""
        wanted = measures.LIMITS in self.measures
        return wanted and any(is_limited(variable) for variable in self.variables)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of elements of each variable."""
        return np.array([n for x in self.layers for n in x.info.sizes], np.float64)

    def sum_by_layer(self, values: np.ndarray) -> np.ndarray:
        """Returns the sums over the variables of each layer; they are the last axis."""
        return self._by_layer(np.add, values, 0.0)

    def max_by_layer(self, values: np.ndarray) -> np.ndarray:
        """Returns the largest value among the variables of each layer, or -inf."""
        return self._by_layer(np.maximum, values, -np.inf)

    def _by_layer(
        self, function: np.ufunc, values: np.ndarray, empty: float
    ) -> np.ndarray:
        counts = np.array([len(layer.variables) for layer in self.layers], int)
        owners = np.flatnonzero(counts)
        starts = (np.cumsum(counts) - counts)[owners]
        reduced = np.full((*values.shape[:-1], len(counts)), empty)
        if len(owners):
            reduced[..., owners] = function.reduceat(values, starts, axis=-1)
        return reduced
