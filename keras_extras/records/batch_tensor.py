from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BatchTensor:
    """A few rows of one tensor of a batch.

    Attributes:
        values: Array of shape `(rows, features)`: the first rows, flattened, as
            float32; of very many features an evenly spaced part.
        shape: Shape of one row in the model; `None` for a size that varies.
        dtype: Name of the tensor's type.
    """

    values: np.ndarray
    shape: tuple[int | None, ...]
    dtype: str
