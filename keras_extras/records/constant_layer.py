from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConstantLayer:
    """A layer that returns the same for all rows although it is given different ones.

    Attributes:
        name: Name of the layer.
        axis: Whether it normalises an axis of size 1; else all predictions are the
            same, and it is the first layer that returns one value for all rows.
    """

    name: str
    axis: bool
