"""Compares plain and MC-dropout predictions of a SELU network, image by image.

Run as `python examples/mc_dropout.py [--data fashion_mnist]`; it downloads these data
where Keras does not have them yet.
"""

from __future__ import annotations

import argparse
from typing import Any

import common
import keras
import numpy as np

from keras_extras import uncertainty
from keras_extras.layers import SELUDense


def load(name: str, rows: int | None) -> Any:
    """Returns training and test data, scaled to mean 0 and deviation 1."""
    if name == "digits":
        data = common.load(name, seed=0)
        return data.x, data.y, data.x_test, data.y_test
    (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    x, y = x[:rows].astype("float32"), y[:rows]
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-3
    return (x - mean) / deviation, y, (x_test - mean) / deviation, y_test


def build(rate: float) -> Any:
    hidden = [SELUDense(100) for _ in range(4)]
    return keras.Sequential(
        [
            keras.layers.Flatten(),
            *hidden,
            keras.layers.AlphaDropout(rate),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def scores(y: Any, probabilities: Any) -> tuple[float, float, float]:
    accuracy = float(np.mean(probabilities.argmax(axis=1) == y))
    nll = uncertainty.negative_log_likelihood(y, probabilities)
    return accuracy, nll, uncertainty.expected_calibration_error(y, probabilities)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, few images")
    parser.add_argument("--data", choices=["digits", "fashion_mnist"], default="digits")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rows", type=int, help="images to train on, default all")
    parser.add_argument("--rate", type=float, default=0.2)
    options = parser.parse_args(argv)
    if options.quick:
        options.seeds, options.epochs, options.rows = 1, 2, 2000
    x, y, x_test, y_test = load(options.data, options.rows)
    for seed in range(options.seeds):
        keras.utils.set_random_seed(seed)
        model = build(options.rate)
        model.compile(
            keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
            "sparse_categorical_crossentropy",
        )
        model.fit(x, y, batch_size=64, epochs=options.epochs, verbose=0)
        plain = model.predict(x_test, batch_size=512, verbose=0)
        sampled = uncertainty.mc_predict(model, x_test, 100, seed=seed, verbose=0)
        if seed == 0:
            print("first test image, plain:  ", plain[0].round(3))
            print("first test image, MC mean:", sampled.mean[0].round(3))
            print("first test image, MC std: ", sampled.std[0].round(3))
            print("\n| seed | accuracy | with MC | NLL | with MC | ECE | with MC |")
            print("|---|---|---|---|---|---|---|")
        pairs = zip(scores(y_test, plain), scores(y_test, sampled.mean))
        cells = [f"{before:.4f} | {after:.4f}" for before, after in pairs]
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
