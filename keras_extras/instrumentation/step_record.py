"""What one sampled step tells: the type that statistics hand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import cache
from functools import lru_cache

import numpy as np

Histogram = tuple[float, float, np.ndarray]


@dataclass(frozen=True)
class StepRecord:
    """The statistics of one optimizer step.

    Attributes:
        step: Integer. Value of `optimizer.iterations` before the step.
        layers: Names of the layers, in model order.
        statistics: For each statistic one value per layer; NaN where a layer has
            no such value.
        scalars: Values that belong to the whole step.
        histograms: For each kind and layer smallest value, largest value, counts.
    """

    step: int
    layers: tuple[str, ...]
    statistics: Mapping[str, np.ndarray]
    scalars: Mapping[str, float] = field(default_factory=dict)
    histograms: Mapping[str, Mapping[str, Histogram]] = field(default_factory=dict)

    def about(self, layers: tuple[str, ...], kinds: tuple[str, ...]) -> StepRecord:
        """Returns the part of the record about some layers and kinds of values.

        Args:
            layers: Names of layers of this record.
            kinds: Words that names of statistics contain, such as `"gradient"`.
        """
        rows = _rows(self.layers, layers)
        return StepRecord(
            step=self.step,
            layers=layers,
            statistics={
                name: values if rows is None else values[rows]
                for name, values in self.statistics.items()
                if _concerns(name, kinds)
            },
            scalars={k: v for k, v in self.scalars.items() if _concerns(k, kinds)},
            histograms={
                kind: {n: h for n, h in by_layer.items() if n in layers}
                for kind, by_layer in self.histograms.items()
                if _concerns(kind, kinds)
            },
        )


@cache
def _concerns(name: str, kinds: tuple[str, ...]) -> bool:
    return any(kind in name for kind in kinds)


@lru_cache(maxsize=16)
def _rows(known: tuple[str, ...], wanted: tuple[str, ...]) -> list[int] | None:
    """Returns where `wanted` stand in `known`, `None` where they are the same."""
    return None if known == wanted else [known.index(name) for name in wanted]
