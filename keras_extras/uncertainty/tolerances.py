"""How far numbers may be off for no other reason than their precision."""

from __future__ import annotations

from typing import Any

import keras

_EPSILONS = {"bfloat16": 2.0**-7, "float16": 2.0**-10}
_LEAST = 1e-3


def tolerance_of_sums(values: Any, least: float = _LEAST) -> float:
    """Returns how far probabilities of this type may be from a sum of 1."""
    try:
        dtype = keras.backend.standardize_dtype(values.dtype)
    except (AttributeError, ValueError):  # a list, or no type of Keras'
        return least
    return max(least, 4 * _EPSILONS.get(dtype, 0.0))
