from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import checks
from keras_extras.tuner.arguments import check_search

# The rates that are worth a trial, relative to those of Adam.
_KINDS: dict[str, tuple[float, Callable[..., Any]]] = {
    "sgd": (10.0, keras.optimizers.SGD),
    "nesterov": (10.0, keras.optimizers.SGD),
    "rmsprop": (1.0, keras.optimizers.RMSprop),
    "adam": (1.0, keras.optimizers.Adam),
    "adamw": (1.0, keras.optimizers.AdamW),
    "nadam": (1.0, keras.optimizers.Nadam),
    "lion": (0.1, keras.optimizers.Lion),
}


def optimizer(
    hp: Any,
    kinds: Sequence[str] = ("nesterov", "adam"),
    min_rate: float = 1e-4,
    max_rate: float = 1e-2,
    learning_rate: Any = None,
    name: str = "optimizer",
) -> Any:
    """Makes the optimizer part of the search, with its learning rate and momentum.

    Each optimizer has its own range of learning rates: that of SGD is ten times that of
    Adam, that of Lion a tenth.

    Args:
        hp: KerasTuner `HyperParameters`.
        kinds: List of `"sgd"` (without momentum), `"nesterov"`, `"rmsprop"`,
            `"adam"`, `"adamw"`, `"nadam"` and `"lion"`.
            Defaults to `("nesterov", "adam")`.
        min_rate: Float, the lowest learning rate of Adam. Defaults to `0.0001`.
        max_rate: Float, the highest learning rate of Adam. Defaults to `0.01`.
        learning_rate: Learning rate or schedule to use instead of searching for one, as
            with `one_cycle`. Defaults to `None`.
        name: String, name of the hyperparameter; others are
            `<name>/<kind>/learning_rate` and `<name>/<kind>/momentum`.
            Defaults to `"optimizer"`.

    Returns:
        A Keras optimizer.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    def build_model(hp):
        model = keras.Sequential([keras.layers.Dense(10, activation="softmax")])
        model.compile(
            keras_extras.tuner.optimizer(hp),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model
    ```
    """
    check_search(hp, name)
    kinds = checks.check_list("kinds", kinds)
    if any(not isinstance(kind, str) or kind not in _KINDS for kind in kinds):
        raise ValueError(
            f"`kinds` must be a list of {', '.join(_KINDS)}. Received: kinds={kinds!r}"
        )
    is_schedule = callable(learning_rate) and not isinstance(learning_rate, type)
    if learning_rate is not None and not is_schedule:
        checks.check_positive("learning_rate", learning_rate)
    checks.check_range("min_rate", min_rate, "max_rate", max_rate)
    chosen = hp.Choice(name, list(kinds))
    arguments: dict[str, Any] = {}
    for kind in kinds:
        with hp.conditional_scope(name, [kind]):
            found = _arguments(
                hp, kind, f"{name}/{kind}", learning_rate, min_rate, max_rate
            )
        if kind == chosen:
            arguments = found
    return _KINDS[chosen][1](**arguments)


def _arguments(
    hp: Any, kind: str, name: str, rate: Any, min_rate: float, max_rate: float
) -> dict[str, Any]:
    scale = _KINDS[kind][0]
    if rate is None:
        low, high = scale * min_rate, scale * max_rate
        rate = hp.Float(f"{name}/learning_rate", low, high, sampling="log")
    if kind != "nesterov":
        return {"learning_rate": rate}
    momentum = hp.Float(f"{name}/momentum", 0.8, 0.98)
    return {"learning_rate": rate, "momentum": momentum, "nesterov": True}
