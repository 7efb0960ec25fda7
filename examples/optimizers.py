"""The optimizers of Keras, each at the best of five learning rates.

At one rate for all, such a comparison compares rates. So each optimizer has its own,
chosen by the validation loss of a seed that the comparison does not use. Run as
`python examples/optimizers.py [--data fashion_mnist]`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import common
import keras
import numpy as np

from keras_extras.layers import HeDense

SGD = keras.optimizers.SGD
OPTIMIZERS: dict[str, Callable[[float], keras.optimizers.Optimizer]] = {
    "SGD": SGD,
    "momentum": partial(SGD, momentum=0.9),
    "Nesterov": partial(SGD, momentum=0.9, nesterov=True),
    "AdaGrad": keras.optimizers.Adagrad,
    "RMSprop": keras.optimizers.RMSprop,
    "Adam": keras.optimizers.Adam,
    "AdaMax": keras.optimizers.Adamax,
    "Nadam": keras.optimizers.Nadam,
}
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
SEED_OF_RATES = 1000


def train(
    optimizer: keras.optimizers.Optimizer,
    data: common.Data,
    epochs: int,
    held_out: Any = None,
) -> tuple[keras.Model, dict[str, list[float]]]:
    model = keras.Sequential(
        [HeDense(64), HeDense(64), keras.layers.Dense(10, activation="softmax")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    history = model.fit(
        data.x, data.y, validation_data=held_out, epochs=epochs, verbose=0
    )
    return model, history.history


def best_rate(make: Any, data: common.Data, epochs: int) -> float:
    losses = []
    for rate in RATES:
        keras.utils.set_random_seed(SEED_OF_RATES)
        _, history = train(make(rate), data, epochs, data.val)
        losses.append(np.nan_to_num(history["val_loss"][-1], nan=np.inf))
    return RATES[int(np.argmin(losses))]


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=3, epochs=6)
    data = common.load(options.data, SEED_OF_RATES)
    rates = {
        name: 0.01 if options.quick else best_rate(make, data, options.epochs)
        for name, make in OPTIMIZERS.items()
    }

    def measure(name: str, data: common.Data) -> dict[str, Any]:
        model, history = train(OPTIMIZERS[name](rates[name]), data, options.epochs)
        return {
            "rate": f"{rates[name]:g}",
            "loss, first epoch": history["loss"][0],
            "last epoch": history["loss"][-1],
            "test accuracy": common.accuracy(model, data),
        }

    results = common.compare({name: name for name in OPTIMIZERS}, measure, options)
    print(common.table(results, {"test accuracy": ".1%"}, versus="test accuracy"))


if __name__ == "__main__":
    main()
