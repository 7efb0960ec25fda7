from __future__ import annotations

from typing import Any

from keras_extras.layers.mc_dropout import MCDropout
from keras_extras.tuner.dropout import dropout_rate


def mc_dropout(
    hp: Any, max_rate: float = 0.5, step: float = 0.1, name: str = "mc_dropout"
) -> MCDropout:
    """Makes the rate of a dropout layer that is always on part of the search.

    Validation scores are those of one sample, and noisy: use it only if the model is to
    predict with dropout on. Otherwise search with `dropout`, and predict with
    `keras_extras.uncertainty.mc_predict`.

    Args:
        hp: KerasTuner `HyperParameters`.
        max_rate: Float between 0 and 1, the highest rate. Defaults to `0.5`.
        step: Float, difference between two rates. Defaults to `0.1`.
        name: String, name of the hyperparameter. Defaults to `"mc_dropout"`.

    Returns:
        A `keras_extras.layers.MCDropout`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    layer = keras_extras.tuner.mc_dropout(keras_tuner.HyperParameters())
    ```

    References:
        Gal & Ghahramani (2016), "Dropout as a Bayesian approximation: representing
        model uncertainty in deep learning".
    """
    return MCDropout(dropout_rate(hp, max_rate, step, name))
