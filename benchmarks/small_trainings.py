"""Small models and data sets that the benchmarks of schedules train, and their results.

Each training is done once: with a path, its result is kept there when it is done.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

BATCH, PER_EXECUTION = 32, 10


def digits() -> Any:
    """Returns 1,280 images of 8 by 8 to train on, and 517 to validate."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return _split((x / 16.0).astype("float32"), y.astype("int32"), 1280)


def fashion() -> Any:
    """Returns 1,600 images of Fashion-MNIST, halved in width and height; 1,000 more."""
    (x, y), _ = keras.datasets.fashion_mnist.load_data()
    x = x[:2600].reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(-1, 196) / 255.0
    return _split(x.astype("float32"), y[:2600].astype("int32"), 1600)


def friedman() -> Any:
    """Returns 1,600 rows of Friedman's first regression, with noise; 1,000 more."""
    rng = np.random.default_rng(7)
    x = rng.random((2600, 10), dtype="float32")
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
    y = y + 10 * x[:, 3] + 5 * x[:, 4] + rng.normal(0, 0.5, len(x))
    y = ((y - y.mean()) / y.std()).astype("float32")[:, None]
    return _split((x - 0.5) * 12**0.5, y, 1600)


def _split(x: Any, y: Any, rows: int) -> Any:
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    return (x[:rows], y[:rows]), (x[rows:], y[rows:])


DATA = {"digits": digits, "fashion": fashion, "friedman": friedman}


def plain() -> list[Any]:
    return [
        keras.layers.Dense(64, "relu", kernel_initializer="he_normal") for _ in range(2)
    ]


def normalised() -> list[Any]:
    layers: list[Any] = []
    for _ in range(2):
        layers.append(keras.layers.Dense(64, use_bias=False))
        layers.append(keras.layers.BatchNormalization())
        layers.append(keras.layers.Activation("relu"))
    return layers


def dropout() -> list[Any]:
    layers: list[Any] = []
    for _ in range(2):
        layers.append(keras.layers.Dense(96, "relu", kernel_initializer="he_normal"))
        layers.append(keras.layers.Dropout(0.2))
    return layers


def deep() -> list[Any]:
    return [
        keras.layers.Dense(32, "elu", kernel_initializer="he_normal") for _ in range(6)
    ]


MODELS = {"plain": plain, "normalised": normalised, "dropout": dropout, "deep": deep}


def compiled(model: str, data: Any, optimizer: Any) -> Any:
    """Returns a compiled model for one of the data sets."""
    (x, y), _ = data
    is_regression = y.ndim == 2
    network = keras.Sequential([keras.Input(x.shape[1:]), *MODELS[model]()])
    network.add(keras.layers.Dense(1 if is_regression else 10))
    network.compile(
        optimizer,
        "mse"
        if is_regression
        else keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=PER_EXECUTION,
        jit_compile=False,  # compiling takes longer than these trainings
    )
    return network


def fit(network: Any, data: Any, epochs: int, callbacks: Any, **settings: Any) -> Any:
    """Returns the history of a training with a validation after each epoch."""
    (x, y), held_out = data
    return network.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
        validation_data=held_out,
        validation_batch_size=len(held_out[0]),
        **settings,
    ).history


def steps_of(data: Any) -> int:
    """Returns how many batches an epoch has."""
    return -(-len(data[0][0]) // BATCH)


class Results:
    """Keeps the results of trainings, each of which is done once.

    Args:
        path: File of the trainings done so far, or `None`.
    """

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else Path(path)
        self._done: dict[str, Any] = {}
        if self._path is not None and self._path.exists():
            for line in self._path.read_text().splitlines():
                self._done.update(json.loads(line))

    def once(self, key: list[Any], seed: int, make: Any) -> Any:
        """Returns what `make` returns, or did before under this key and seed."""
        name = json.dumps([*key, seed])
        if name not in self._done:
            keras.utils.clear_session()
            keras.utils.set_random_seed(seed)
            self._done[name] = make()
            if self._path is not None:
                with self._path.open("a") as file:
                    file.write(json.dumps({name: self._done[name]}) + "\n")
        return self._done[name]
