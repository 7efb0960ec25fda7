from __future__ import annotations

from typing import Any

import keras
import numpy as np

_NEARLY = 1e-3  # a unit within 0.1 % of its limit is held by it


def share_at_limit(variables: list[Any]) -> float | None:
    """Returns the share of units whose weights a max-norm constraint holds back.

    Use it to see whether a limit does anything: near 0 it does not, near 1 it is
    all that decides the size of the weights.

    Args:
        variables: List of Keras variables, such as `layer.trainable_variables`.

    Returns:
        Float, 0 to 1, or `None` if no variable has a max-norm constraint.

    Example:

    ```python
    for layer in model.layers:
        print(keras_extras.constraints.share_at_limit(layer.trainable_variables))
    ```
    """
    held = [_held(v) for v in variables if _is_limited(v)]
    return float(np.concatenate(held).mean()) if held else None


def _is_limited(variable: Any) -> bool:
    return isinstance(variable.constraint, keras.constraints.MaxNorm)


def _held(variable: Any) -> np.ndarray:
    constraint = variable.constraint
    axis = constraint.axis
    axis = tuple(axis) if isinstance(axis, list | tuple) else axis
    values = keras.ops.convert_to_numpy(variable.value)
    norms = np.sqrt(np.square(values.astype(np.float32)).sum(axis=axis))
    return np.ravel(norms >= constraint.max_value * (1 - _NEARLY))
