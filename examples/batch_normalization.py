"""Shows which learning rates batch normalisation allows, and a trap of its momentum.

Four hidden layers without it, after and before the activation, at two learning rates;
then how a moving average that is too slow spoils the predictions of a trained model.
Run as `python examples/batch_normalization.py [--data fashion_mnist]`.
"""

from __future__ import annotations

from typing import Any

import common
import keras

RATES = (0.01, 0.3)
CASES = {"none": None, "after the activation": "after", "before it": "before"}


def build(place: str | None, momentum: float = 0.9) -> keras.Model:
    """Returns a network with batch normalisation at that place of each layer."""
    model = keras.Sequential()
    for _ in range(4):
        # The shift of the normalisation makes a bias before it superfluous.
        model.add(keras.layers.Dense(32, use_bias=place != "before"))
        norm = keras.layers.BatchNormalization(momentum=momentum)
        activation = keras.layers.Activation("relu")
        order = {None: [activation], "before": [norm, activation]}
        for layer in order.get(place, [activation, norm]):
            model.add(layer)
    model.add(keras.layers.Dense(10, activation="softmax"))
    return model


def train(model: keras.Model, rate: float, data: common.Data, epochs: int) -> None:
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    model.fit(data.x, data.y, epochs=epochs, verbose=0)


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=3, epochs=6)
    rates = RATES[1:] if options.quick else RATES

    def at_each_rate(place: str | None, data: common.Data) -> dict[str, Any]:
        accuracies = {}
        for rate in rates:
            model = build(place)
            train(model, rate, data, options.epochs)
            accuracies[f"rate {rate:g}"] = common.accuracy(model, data)
        return accuracies

    def after_two_epochs(momentum: float, data: common.Data) -> dict[str, Any]:
        model = build("before", momentum)
        train(model, 0.1, data, epochs=2)
        return {
            "statistics of the batch": common.accuracy(model, data, training=True),
            "moving averages": common.accuracy(model, data),
        }

    print("Test accuracy by learning rate, and by place of the normalisation:\n")
    results = common.compare(CASES, at_each_rate, options, quick=("none", "before it"))
    print(common.table(results, ".1%"))

    print("\nTest accuracy after two epochs, by momentum of the moving averages:\n")
    momenta = {"momentum 0.99, as Keras has it": 0.99, "momentum 0.9": 0.9}
    results = common.compare(momenta, after_two_epochs, options)
    print(common.table(results, ".1%"))


if __name__ == "__main__":
    main()
