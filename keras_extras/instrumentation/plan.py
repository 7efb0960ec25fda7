"""What one instrumented step measures, and where each number lies in its row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from keras_extras.instrumentation.layer_table import Site
from keras_extras.instrumentation.measure import ACTIVATION_FIELDS
from keras_extras.instrumentation.measure import GRADIENT_FIELDS
from keras_extras.instrumentation.measure import HISTOGRAM_BINS

GRADIENTS = "gradients"
UPDATES = "updates"
ACTIVATIONS = "activations"
GRADIENT_HISTOGRAMS = "gradient histograms"
ACTIVATION_HISTOGRAMS = "activation histograms"

HEADER = ("batch_high", "batch_low", "applied", "loss_scale")
_HIGH = 2**20


@dataclass(frozen=True)
class Plan:
    """The layers and measurements of one instrumented trace.

    Attributes:
        sites: The layers to measure, in model order.
        measures: The names of the measurements, from the constants above.
    """

    sites: tuple[Site, ...]
    measures: frozenset[str]

    @cached_property
    def trained(self) -> tuple[Site, ...]:
        """The layers that have trainable variables of their own."""
        return tuple(site for site in self.sites if site.variables)

    @cached_property
    def variables(self) -> list[object]:
        return [v for site in self.sites for v in site.variables]

    @cached_property
    def blocks(self) -> dict[str, tuple[int, int, int]]:
        """Offset, rows and columns of each block of the step's row."""
        wanted = {
            GRADIENTS: (len(self.variables), len(GRADIENT_FIELDS)),
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

    @cached_property
    def owners(self) -> np.ndarray:
        """For each variable, the index of the layer that owns it."""
        counts = [len(site.variables) for site in self.sites]
        return np.repeat(np.arange(len(self.sites)), counts)

    def sum_by_layer(self, values: np.ndarray) -> np.ndarray:
        """Returns the sums over the variables of each layer."""
        return np.bincount(self.owners, values, minlength=len(self.sites))

    def max_by_layer(self, values: np.ndarray) -> np.ndarray:
        """Returns the largest value among the variables of each layer, or -inf."""
        largest = np.full(len(self.sites), -np.inf)
        np.maximum.at(largest, self.owners, values)
        return largest


def split_iteration(iteration: Any) -> tuple[Any, Any]:
    """Splits an iteration into two parts that float32 holds exactly."""
    return iteration // _HIGH, iteration % _HIGH


def join_iteration(high: float, low: float) -> int:
    """Returns the iteration that `split_iteration` took apart."""
    return int(high) * _HIGH + int(low)
