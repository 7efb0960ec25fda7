"""Does a network that was trained on other classes help with two new ones?

Task A: all classes but two, many images. Task B: those two, few labelled images. The
chapter of the book shows one seed, and says that it was chosen; this example shows
several, and the difference in each. Offline unless `--data fashion_mnist` is given.
"""

from __future__ import annotations

from typing import Any

import common
import keras
import numpy as np

from keras_extras.callbacks import FreezeUnfreeze
from keras_extras.optimizers import discriminative_learning_rates

# Name: the two classes of task B, labelled images of them, epochs of tasks A and B.
TASKS = {"digits": ((3, 8), 20, 10, 40), "fashion_mnist": ((5, 6), 200, 2, 20)}
METHODS = ("from scratch", "frozen, then unfrozen", "discriminative rates")


def network(shape: Any) -> Any:
    """Returns the layers that both tasks have in common."""
    hidden = [
        keras.layers.Dense(100, "relu", kernel_initializer="he_normal", name=name)
        for name in ("hidden_1", "hidden_2", "hidden_3")
    ]
    stack = [keras.Input(shape), keras.layers.Flatten(), *hidden]
    return keras.Sequential(stack, name="body")


def accuracy_on_b(method: str, body: Any, train: Any, test: Any, epochs: int) -> float:
    """Trains on the few images of task B; returns the accuracy on all others."""
    if method == "from scratch":
        body = network(body.input_shape[1:])
    model = keras.Sequential([body, keras.layers.Dense(1, "sigmoid")])
    batch = 4 if len(train[0]) < 100 else 16
    optimizer, callbacks = keras.optimizers.Adam(1e-3), []
    if method == "frozen, then unfrozen":
        callbacks = [FreezeUnfreeze(epochs // 4, learning_rate=3e-4)]
    elif method == "discriminative rates":
        model.build((None, *body.input_shape[1:]))
        optimizer = discriminative_learning_rates(model, optimizer)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    model.fit(*train, epochs=epochs, batch_size=batch, callbacks=callbacks, verbose=0)
    return model.evaluate(*test, batch_size=512, verbose=0)[1]


def compare(seed: int, x: Any, y: Any, options: Any) -> list[float]:
    """Returns the accuracy of each method with one seed, which all of them share."""
    pair, labelled, *epochs = TASKS[options.data]
    epochs_a, epochs_b = (1, 4) if options.quick else epochs
    keras.utils.set_random_seed(seed)
    is_b = np.isin(y, pair)
    x_a, y_a = x[~is_b], y[~is_b]
    x_b, y_b = x[is_b], (y[is_b] == pair[1]).astype("float32")
    order = np.random.default_rng(seed).permutation(len(x_b))
    train, test = order[:labelled], order[labelled:]
    body = network(x.shape[1:])
    model_a = keras.Sequential([body, keras.layers.Dense(10, "softmax")])
    model_a.compile("adam", "sparse_categorical_crossentropy")
    model_a.fit(x_a, y_a, epochs=epochs_a, batch_size=32, verbose=0)
    weights, found = body.get_weights(), []
    for method in METHODS:
        keras.utils.set_random_seed(seed)
        body.set_weights(weights)
        data = (x_b[train], y_b[train]), (x_b[test], y_b[test])
        found.append(accuracy_on_b(method, body, *data, epochs=epochs_b))
    return found


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=10)
    x, y = common.images(options.data)
    x /= x.max()
    results = np.array([compare(s, x, y, options) for s in range(options.seeds)])
    pair, labelled = TASKS[options.data][:2]
    print(f"{options.data}, classes {pair}, {labelled} labelled images, ", end="")
    print(f"seeds: {options.seeds}; accuracy on all other images of the two\n")
    print(common.against_first(METHODS, results, of="task B"))


if __name__ == "__main__":
    main()
