from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class MovingStatistics:
    """What a batch normalisation uses in inference.

    Attributes:
        layer: Name of the layer.
        momentum: Float. Share of what was there that an update leaves.
        mean: Array of shape `(channels,)`, the moving mean.
        variance: Array of the same shape, the moving variance.
        trains: Whether the layer is to be trained.
    """

    layer: str
    momentum: float
    mean: np.ndarray
    variance: np.ndarray
    trains: bool = True

    @property
    def is_initial(self) -> bool:
        """Returns whether nothing has ever been written to them."""
        return bool((self.mean == 0.0).all() and (self.variance == 1.0).all())
