"""Compares the optimizers of Keras, each at the best of five learning rates.

With one learning rate for all, the result would depend on that rate. So each optimizer
has its own, chosen by the validation loss of a seed that the comparison does not use.
Run as `python examples/optimizers.py [--data fashion_mnist]`.
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


def build(optimizer: keras.optimizers.Optimizer, inputs: int) -> keras.Model:
    outputs = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential(
        [keras.Input((inputs,)), HeDense(64), HeDense(64), outputs]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def best_rate(make: Any, data: common.Data, epochs: int) -> float:
    keras.utils.set_random_seed(SEED_OF_RATES)
    model = build(make(RATES[0]), data.x.shape[1])
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    variables = [*model.variables, *optimizer.variables]
    start = [variable.numpy() for variable in variables]
    losses = []
    for rate in RATES:
        for variable, value in zip(variables, start):
            variable.assign(value)  # rather than compile another model
        optimizer.learning_rate = rate
        model.fit(data.x, data.y, epochs=epochs, verbose=0)
        losses.append(model.evaluate(*data.val, verbose=0))
    return RATES[int(np.argmin(np.nan_to_num(losses, nan=np.inf)))]


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=3, epochs=6)
    data = common.load(options.data, SEED_OF_RATES)
    rates = {
        name: 0.01 if options.quick else best_rate(make, data, options.epochs)
        for name, make in OPTIMIZERS.items()
    }

    def measure(name: str, data: common.Data) -> dict[str, Any]:
        model = build(OPTIMIZERS[name](rates[name]), data.x.shape[1])
        losses = model.fit(data.x, data.y, epochs=options.epochs, verbose=0).history
        return {
            "rate": f"{rates[name]:g}",
            "loss, first epoch": losses["loss"][0],
            "last epoch": losses["loss"][-1],
            "test accuracy": common.accuracy(model, data),
        }

    results = common.compare({name: name for name in OPTIMIZERS}, measure, options)
    print(common.table(results, {"test accuracy": ".1%"}, versus="test accuracy"))


if __name__ == "__main__":
    main()
