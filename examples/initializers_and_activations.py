"""Shows which initialiser suits which activation function in a deep network.

Run as `python examples/initializers_and_activations.py [--quick] [--seeds 3]`. The
digits come with scikit-learn, so nothing is downloaded.
"""

import argparse

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from keras_extras.evaluation import activation_profile
from keras_extras.evaluation import check_self_normalizing

# Activation function: the initialiser that suits it, one that does not.
PAIRS = {
    "sigmoid": ("glorot_uniform", "random_normal"),
    "tanh": ("glorot_uniform", "random_normal"),
    "relu": ("he_normal", "random_normal"),
    "leaky_relu": ("he_normal", "random_normal"),
    "elu": ("he_normal", "random_normal"),
    "selu": ("lecun_normal", "he_normal"),
}


def load():
    """Returns digits to train and to test on, of mean 0 and deviation 1 per pixel."""
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, random_state=0, stratify=y)
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-3
    return (x - mean) / deviation, y, (x_test - mean) / deviation, y_test


def build(activation, initializer, depth):
    layers = [
        keras.layers.Dense(100, activation, kernel_initializer=initializer)
        for _ in range(depth)
    ]
    head = keras.layers.Dense(10, "softmax")
    model = keras.Sequential([keras.Input((64,)), *layers, head])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.05), loss, metrics=["accuracy"])
    return model


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each")
    options = parser.parse_args(argv)
    depth, epochs, pairs = 20, 10, PAIRS
    if options.quick:
        depth, epochs, pairs, options.seeds = 4, 1, {"selu": PAIRS["selu"]}, 1
    x, y, x_test, y_test = load()
    print(f"{depth} hidden layers, {epochs} epochs, {options.seeds} seed(s)\n")
    print("| activation | initialiser | std, first | last | per layer | accuracy |")
    print("|---|---|---|---|---|---|")
    for activation, names in pairs.items():
        seeds = range(options.seeds)
        model = build(activation, names[0], depth)
        profile = activation_profile(model, x, names, seeds=seeds)
        for row, name in enumerate(names):
            found = []
            for seed in seeds:
                keras.utils.set_random_seed(seed)
                # Plain SGD keeps no state: new weights are all that a new start takes.
                model.set_weights(build(activation, name, depth).get_weights())
                model.fit(x, y, epochs=epochs, verbose=0)
                found.append(model.evaluate(x_test, y_test, verbose=0)[1])
            std, factor = profile.std[row].mean(axis=0), profile.factor_per_layer[row]
            scale = f"{std[0]:.2g} | {std[-2]:.2g} | x {factor:.3g}"
            score = f"{np.mean(found):.3f} ({min(found):.3f} to {max(found):.3f})"
            print(f"| {activation} | {name} | {scale} | {score} |", flush=True)
    for name in PAIRS["selu"]:
        print(f"\nSELU with {name}, 3 hidden layers:")
        print(check_self_normalizing(build("selu", name, 3), x).report())


if __name__ == "__main__":
    main()
