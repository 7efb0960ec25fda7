"""Finds the units that a max-norm constraint holds back."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

_NEARLY = 1e-3  # a unit within 0.1 % of its limit is held by it
# Or within what weights of this type are rounded by.
_ROUNDING = {"bfloat16": 2.0**-7, "float16": 2.0**-10}


def is_limited(variable: Any) -> bool:
    """Returns whether a variable has a max-norm constraint."""
    return isinstance(variable.constraint, keras.constraints.MaxNorm)


def units_at_limit(variable: Any) -> Any:
    """Returns for each unit of a limited variable whether it is at the limit."""
    constraint = variable.constraint
    weights = ops.cast(ops.stop_gradient(variable), "float32")
    norms = ops.sqrt(ops.sum(ops.square(weights), axis=constraint.axis))
    return norms >= constraint.max_value * (1 - _nearly(variable.dtype))


def count_at_limit(weights: np.ndarray, constraint: Any) -> tuple[int, int]:
    """Returns how many units are at the limit, and how many there are.

    Args:
        weights: The weights that are limited.
        constraint: Their `keras.constraints.MaxNorm`.
    """
    axis = constraint.axis
    axes = tuple(axis) if isinstance(axis, list | tuple) else axis
    norms = np.sqrt(np.square(weights.astype(np.float64)).sum(axis=axes))
    held = norms >= constraint.max_value * (1 - _nearly(str(weights.dtype)))
    return int(np.count_nonzero(held)), int(np.size(norms))


def _nearly(dtype: str) -> float:
    return max(_NEARLY, _ROUNDING.get(dtype, 0.0))
