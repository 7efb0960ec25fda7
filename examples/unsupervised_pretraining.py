"""Does an autoencoder of many unlabelled images help where few are labelled?

Its encoder becomes the first part of a classifier, which trains its new head first and
then all layers. It is compared with the same classifier trained from scratch. Offline
unless `--data fashion_mnist` is asked for.
"""

from __future__ import annotations

from typing import Any

import common
import keras
import numpy as np

from keras_extras.callbacks import FreezeUnfreeze

IMAGES, LABELLED, TESTED = 10_000, 50, 500
METHODS = ("from scratch", "pretrained, then unfrozen", "pretrained, head only")


def network(features: int) -> Any:
    layers = [
        keras.layers.Dense(units, "relu", kernel_initializer="he_normal")
        for units in (100, 50)
    ]
    return keras.Sequential([keras.Input((features,)), *layers], name="encoder")


def pretrained(x: Any, epochs: int) -> Any:
    """Returns an encoder from which the images can be drawn again."""
    encoder = network(x.shape[1])
    decoder = [keras.layers.Dense(100, "relu"), keras.layers.Dense(x.shape[1])]
    autoencoder = keras.Sequential([encoder, *decoder])
    autoencoder.compile("adam", "mse")
    autoencoder.fit(x, x, epochs=epochs, verbose=0)
    return encoder


def accuracy(method: str, encoder: Any, train: Any, test: Any, epochs: int) -> float:
    """Trains on the few labelled images; returns the accuracy on others."""
    callbacks = []
    encoder.trainable = True
    if method == "from scratch":
        encoder = network(encoder.input_shape[1])
    elif method == "pretrained, head only":
        encoder.trainable = False
    else:
        callbacks = [FreezeUnfreeze(max(epochs // 4, 1), learning_rate=1e-3)]
    model = keras.Sequential([encoder, keras.layers.Dense(10, "softmax")])
    optimizer = keras.optimizers.Adam(5e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, epochs=epochs, batch_size=10, callbacks=callbacks, verbose=0)
    return model.evaluate(*test, batch_size=500, verbose=0)[1]


def compare(seed: int, x: Any, y: Any, options: Any) -> list[float]:
    """Returns the accuracy of each method with one seed, which all of them share."""
    order = np.random.default_rng(seed).permutation(len(x))
    train, test = order[:LABELLED], order[LABELLED : LABELLED + TESTED]
    unlabelled = order[LABELLED + TESTED :]
    keras.utils.set_random_seed(seed)
    encoder = pretrained(x[unlabelled], 2 if options.quick else 20)
    weights, found = encoder.get_weights(), []
    for method in METHODS:
        keras.utils.set_random_seed(seed)
        encoder.set_weights(weights)
        data = (x[train], y[train]), (x[test], y[test])
        found.append(accuracy(method, encoder, *data, epochs=options.epochs))
    return found


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=10, epochs=60)
    x, y = (array[:IMAGES] for array in common.images(options.data))
    x = x.reshape(len(x), -1) / x.max()
    results = np.array([compare(s, x, y, options) for s in range(options.seeds)])
    unlabelled = len(x) - LABELLED - TESTED
    print(f"{options.data}, {LABELLED} labelled and {unlabelled} unlabelled ", end="")
    print(f"images, seeds: {options.seeds}; accuracy on {TESTED} others\n")
    print(common.against_first(METHODS, results, of="classifier"))


if __name__ == "__main__":
    main()
