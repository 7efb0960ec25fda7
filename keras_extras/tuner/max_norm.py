from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.constraints.max_norm_for import max_norm_for
from keras_extras.tuner.arguments import check_search


def max_norm(
    hp: Any,
    layer_or_class: Any = keras.layers.Dense,
    min_value: float = 0.5,
    max_value: float = 8.0,
    name: str = "max_norm",
) -> keras.constraints.MaxNorm | None:
    """Makes a max-norm constraint part of the search, and its limit.

    Args:
        hp: KerasTuner `HyperParameters`.
        layer_or_class: Layer or class of layer to limit, from which the axis follows
            as in `keras_extras.constraints.max_norm_for`.
            Defaults to `keras.layers.Dense`.
        min_value: Float > 0, the smallest limit. Defaults to `0.5`.
        max_value: Float > `min_value`, the largest limit. Defaults to `8.0`.
        name: String, name of the hyperparameter that switches it on; the limit is
            `<name>/value`. Defaults to `"max_norm"`.

    Returns:
        A `keras.constraints.MaxNorm`, or `None`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    hp = keras_tuner.HyperParameters()
    limit = keras_extras.tuner.max_norm(hp, keras.layers.Conv2D)
    layer = keras.layers.Conv2D(32, 3, kernel_constraint=limit)
    ```

    References:
        Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks
        from overfitting", section 5.1.
    """
    check_search(hp, name)
    checks.check_range("min_value", min_value, "max_value", max_value)
    max_norm_for(layer_or_class, max_value)  # a wrong one fails now, not when chosen
    if not hp.Boolean(name):
        return None
    with hp.conditional_scope(name, [True]):
        limit = hp.Float(f"{name}/value", min_value, max_value, sampling="log")
    return max_norm_for(layer_or_class, limit)
