from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SamplingPlan:
    """Says how samples are drawn.

    Attributes:
        split: Whether the part before the first random layer is computed once.
        tiled: Whether a step computes several samples of a batch.
        shared: Whether all rows share their masks.
        any_rows: Whether a batch may have any number of rows.
    """

    split: bool
    tiled: bool
    shared: bool
    any_rows: bool
