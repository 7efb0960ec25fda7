"""What one instrumented step measures, and where each number lies in its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np

from keras_extras.constraints.limits import is_limited
from keras_extras.instrumentation.layer_table import Site
from keras_extras.instrumentation.measure import ACTIVATION_FIELDS
from keras_extras.instrumentation.measure import GRADIENT_FIELDS
from keras_extras.instrumentation.measure import HISTOGRAM_BINS
from keras_extras.instrumentation.measure import LIMIT_FIELDS

HYPERPARAMETERS = "hyperparameters"
GRADIENTS = "gradients"
UPDATES = "updates"
LIMITS = "limits"
ACTIVATIONS = "activations"
GRADIENT_HISTOGRAMS = "gradient histograms"
ACTIVATION_HISTOGRAMS = "activation histograms"
BATCHES = "batches"  # kept apart: their size is known in the step only

HEADER = ("batch_high", "batch_low", "applied", "loss_scale")
ITERATION_BASE = 2**20


@dataclass(frozen=True)
class Plan:
    """The layers and measurements of one instrumented trace.

    Attributes:
        sites: The layers to measure, in model order.
        measures: The names of the measurements, from the constants above.
        hyperparameters: Name and value of those that are constant during training,
            name and `None` of those that the step measures.
    """

    sites: tuple[Site, ...]
    measures: frozenset[str]
    hyperparameters: Mapping[str, float | None] = field(default_factory=dict)

    @cached_property
    def trained(self) -> tuple[Site, ...]:
        """The layers that have trainable variables of their own."""
        return tuple(site for site in self.sites if site.variables)

    @cached_property
    def variables(self) -> list[Any]:
        return [v for site in self.sites for v in site.variables]

    @cached_property
    def blocks(self) -> dict[str, tuple[int, int, int]]:
        """Offset, rows and columns of each block of the step's row."""
        varying = [value for value in self.hyperparameters.values() if value is None]
        limited = any(is_limited(variable) for variable in self.variables)
        wanted = {
            HYPERPARAMETERS: (int(bool(varying)), len(varying)),
            GRADIENTS: (len(self.variables), len(GRADIENT_FIELDS)),
            LIMITS: (len(self.variables) if limited else 0, len(LIMIT_FIELDS)),
            ACTIVATIONS: (len(self.sites), len(ACTIVATION_FIELDS)),
            GRADIENT_HISTOGRAMS: (len(self.trained), HISTOGRAM_BINS + 2),
            ACTIVATION_HISTOGRAMS: (len(self.sites), HISTOGRAM_BINS + 2),
        }
        blocks, offset = {}, len(HEADER)
        for name, (rows, columns) in wanted.items():
            if name in self.measures and rows:
                blocks[name] = (offset, rows, columns)
                offset += rows * columns
        return blocks

    @cached_property
    def width(self) -> int:
        sizes = [rows * columns for _, rows, columns in self.blocks.values()]
        return len(HEADER) + sum(sizes)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of elements of each variable."""
        return np.array([n for s in self.sites for n in s.info.sizes], np.float64)

    def sum_by_layer(self, values: np.ndarray) -> np.ndarray:
        """Returns the sums over the variables of each layer; they are the last axis."""
        return self._by_layer(np.add, values, 0.0)

    def max_by_layer(self, values: np.ndarray) -> np.ndarray:
        """Returns the largest value among the variables of each layer, or -inf."""
        return self._by_layer(np.maximum, values, -np.inf)

    def _by_layer(
        self, function: np.ufunc, values: np.ndarray, empty: float
    ) -> np.ndarray:
        counts = np.array([len(site.variables) for site in self.sites], int)
        owners = np.flatnonzero(counts)
        starts = (np.cumsum(counts) - counts)[owners]
        reduced = np.full((*values.shape[:-1], len(counts)), empty)
        if len(owners):
            reduced[..., owners] = function.reduceat(values, starts, axis=-1)
        return reduced


def split_iteration(iteration: Any) -> tuple[Any, Any]:
    """Splits an iteration into two parts that float32 holds exactly."""
    return iteration // ITERATION_BASE, iteration % ITERATION_BASE


def join_iteration(high: Any, low: Any) -> Any:
    """Returns the iterations that `split_iteration` took apart, as integers."""
    return np.int64(high) * ITERATION_BASE + np.int64(low)
