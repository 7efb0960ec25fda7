from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_extras.constraints.limits import is_limited
from keras_extras.constraints.limits import units_at_limit


def share_at_limit(variables: list[Any]) -> float | None:
    """Returns the share of units whose weights are at the limit of their max-norm.

    Use it to see whether the limit has an effect: near 0 it has none, near 1 it alone
    decides the size of the weights. During a training,
    `keras_extras.callbacks.GradientLogger` records it for each layer.

    Args:
        variables: List of Keras variables, such as `layer.trainable_variables`.

    Returns:
        Float, 0 to 1, or `None` if no variable has a max-norm constraint.

    Raises:
        ValueError: If `variables` holds something else.

    Example:

    ```python
    keras_extras.constraints.apply_max_norm(model, 3.0)
    for layer in model.layers:
        print(keras_extras.constraints.share_at_limit(layer.trainable_variables))
    ```
    """
    is_list = isinstance(variables, Iterable) and not isinstance(variables, str)
    if not is_list or not all(isinstance(v, keras.Variable) for v in variables):
        raise ValueError(
            "`variables` must be a list of Keras variables, such as those of a layer: "
            f"`layer.trainable_variables`. Received: variables={variables!r}"
        )
    held = [
        np.ravel(keras.ops.convert_to_numpy(units_at_limit(variable)))
        for variable in variables
        if is_limited(variable)
    ]
    return float(np.concatenate(held).mean()) if held else None
