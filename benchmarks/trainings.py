"""The trainings whose time is measured: models, compiled, and their data."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

BATCH = 32
_BATCHES = 64


@dataclass(frozen=True)
class Training:
    """A compiled model and data that repeat for ever."""

    make_model: Callable[[], Any]
    shape: tuple[int, ...]

    def arrays(self, batches: int = _BATCHES) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs between 0 and 1, and class numbers."""
        rng = np.random.default_rng(0)
        x = rng.random((batches * BATCH, *self.shape), dtype=np.float32)
        return x, rng.integers(0, 10, batches * BATCH)

    def data(self, batches: int = _BATCHES) -> Any:
        """Returns batches of `arrays()`, for ever."""
        if keras.backend.backend() != "tensorflow":
            return self._batches(batches)
        import tensorflow as tf

        dataset = tf.data.Dataset.from_tensor_slices(self.arrays(batches))
        return dataset.batch(BATCH).cache().repeat()

    def _batches(self, batches: int) -> Iterator[Any]:
        x, y = self.arrays(batches)
        while True:
            for start in range(0, len(x), BATCH):
                yield x[start : start + BATCH], y[start : start + BATCH]


def compiled(model: Any) -> Any:
    """Compiles a classifier; plain SGD has the cheapest step."""
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def mlp() -> Any:
    """Returns the network of 300 and 100 units for digits."""
    return dense_layers(300, 100)


def dense_layers(*units: int, inputs: int = 784) -> Any:
    """Returns a network of dense layers of so many `units`, and ten outputs."""
    hidden = [
        layers.Dense(each, activation="relu", kernel_initializer="he_normal")
        for each in units
    ]
    last = layers.Dense(10, activation="softmax")
    return compiled(keras.Sequential([keras.Input((inputs,)), *hidden, last]))


def cnn() -> Any:
    """Returns a small convolutional network for digits."""
    return compiled(
        keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(16, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(32, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )
    )


def efficient_net() -> Any:
    """Returns EfficientNetB0 for pictures of 32 by 32 pixels."""
    return compiled(
        keras.applications.EfficientNetB0(
            input_shape=(32, 32, 3), weights=None, classes=10
        )
    )


def many_layers(count: int, units: int = 100) -> Callable[[], Any]:
    """Returns a maker of a network of `count` dense layers."""
    # Keras calls itself once for each layer when it builds a Sequential model.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 10 * count))
    return functools.partial(dense_layers, *[units] * (count - 1))


MLP = Training(mlp, (784,))
DEEP = Training(many_layers(21), (784,))
CNN = Training(cnn, (28, 28, 1))
HUNDRED = Training(many_layers(100), (784,))
THOUSAND = Training(many_layers(1000, 32), (784,))
EFFICIENT_NET = Training(efficient_net, (32, 32, 3))


def small() -> Training:
    """Returns a training whose step is as short as Keras allows."""
    return Training(functools.partial(dense_layers, 4, inputs=4), (4,))
