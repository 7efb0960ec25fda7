"""What one instrumented step measures, and where each number lies in its row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from keras_extras.instrumentation.layer_table import Site
from keras_extras.instrumentation.measure import ACTIVATION_FIELDS
from keras_extras.instrumentation.measure import GRADIENT_FIELDS
from keras_extras.instrumentation.measure import HISTOGRAM_BINS

GRADIENTS = "gradients"
UPDATES = "updates"
ACTIVATIONS = "activations"
GRADIENT_HISTOGRAMS = "gradient histograms"
ACTIVATION_HISTOGRAMS = "activation histograms"

HEADER = ("iteration_high", "iteration_low", "applied", "loss_scale")
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

    def sites_with_slices(self) -> Iterator[tuple[int, slice]]:
        """Yields the index of each layer and the slice of its variables."""
        start = 0
        for index, site in enumerate(self.sites):
            stop = start + len(site.variables)
            yield index, slice(start, stop)
            start = stop


def split_iteration(iteration: int) -> tuple[int, int]:
    """Splits an iteration into two parts that float32 holds exactly."""
    return iteration // _HIGH, iteration % _HIGH


def join_iteration(high: float, low: float) -> int:
    """Returns the iteration that `split_iteration` took apart."""
    return int(high) * _HIGH + int(low)
