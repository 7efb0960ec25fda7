from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_extras.checks import check_list
from keras_extras.tuner.arguments import check_search

PAIRS = {
    "relu": "he_normal",
    "leaky_relu": "he_normal",
    "elu": "he_normal",
    "gelu": "he_normal",
    "silu": "he_normal",
    "selu": "lecun_normal",
    "tanh": "glorot_uniform",
    "softsign": "glorot_uniform",
}


def initializer_and_activation(
    hp: Any,
    activations: Sequence[str] = ("relu", "selu", "tanh"),
    name: str = "activation",
) -> dict[str, str]:
    """Makes the activation part of the search, with the initialiser that suits it.

    Searching over both separately wastes trials: most pairs do not keep the variance of
    the signal from layer to layer. He initialisation goes with ReLU and its variants,
    LeCun's with SELU, Glorot's with tanh and softsign.

    Args:
        hp: KerasTuner `HyperParameters`.
        activations: List of `"relu"`, `"leaky_relu"`, `"elu"`, `"gelu"`, `"silu"`,
            `"selu"`, `"tanh"` and `"softsign"`. Defaults to `("relu", "selu", "tanh")`.
        name: String, name of the hyperparameter. Defaults to `"activation"`.

    Returns:
        Dict with the arguments `activation` and `kernel_initializer` of a layer.

    Raises:
        ValueError: If `activations` has others.

    Example:

    ```python
    hp = keras_tuner.HyperParameters()
    layer = keras.layers.Dense(64, **keras_extras.tuner.initializer_and_activation(hp))
    ```

    References:
        He et al. (2015), "Delving deep into rectifiers".
        Klambauer et al. (2017), "Self-normalizing neural networks".
        Glorot & Bengio (2010), "Understanding the difficulty of training deep
        feedforward neural networks".
    """
    check_search(hp, name)
    names = check_list("activations", activations)
    if any(not isinstance(each, str) or each not in PAIRS for each in names):
        raise ValueError(
            f"`activations` must be a list of {', '.join(PAIRS)}. "
            f"Received: activations={activations!r}"
        )
    activation = hp.Choice(name, names)
    return {"activation": activation, "kernel_initializer": PAIRS[activation]}
