"""What data and targets can look like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

from identity_matrix import data
from identity_matrix.case import BATCH
from identity_matrix.case import ROWS
from identity_matrix.case import case
from identity_matrix.case import classification


def classifier() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(3),
        ]
    )


def _from_python() -> dict[str, Any]:
    x, y = data.features(6), data.classes()

    def batches() -> Iterator[Any]:
        while True:
            for start in range(0, ROWS - BATCH, BATCH):
                yield x[start : start + BATCH], y[start : start + BATCH]

    return {"x": batches(), "steps_per_epoch": 7}


@case(_from_python, classification)
def python_generator() -> Any:
    return classifier()


def _sample_weights() -> dict[str, Any]:
    weights = np.random.default_rng(3).random(ROWS).astype("float32")
    return {**data.labelled_vectors(), "sample_weight": weights}


@case(_sample_weights, classification)
def sample_weights() -> Any:
    return classifier()


@case(
    lambda: {**data.labelled_vectors(), "class_weight": {0: 1.0, 1: 3.0, 2: 0.3}},
    classification,
)
def class_weights() -> Any:
    return classifier()


def _dicts() -> dict[str, Any]:
    x = {"a": data.features(4), "b": data.features(3, seed=2)}
    return {"x": x, "y": {"p": data.features(1, seed=1), "q": data.classes()}}


def _losses_of_dicts() -> dict[str, Any]:
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return {"loss": {"p": "mse", "q": entropy}, "metrics": {"q": ["accuracy"]}}


@case(_dicts, _losses_of_dicts)
def dict_in_and_out() -> Any:
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    h = layers.Concatenate()([layers.Dense(5)(a), layers.Dense(5)(b)])
    h = layers.Activation("tanh")(h)
    outputs = {"p": layers.Dense(1, name="p")(h), "q": layers.Dense(3, name="q")(h)}
    return keras.Model({"a": a, "b": b}, outputs)


def _three_targets() -> dict[str, Any]:
    y = [data.features(units, seed=units) for units in (1, 2, 6)]
    return {"x": data.features(6), "y": y}


@case(
    _three_targets,
    lambda: {"loss": ["mse", "mae", "huber"], "loss_weights": [1.0, 0.5, 2.0]},
)
def several_outputs() -> Any:
    inputs = keras.Input((6,))
    h = layers.Dense(8, activation="relu")(inputs)
    heads = [layers.Dense(1)(h), layers.Dense(2)(h), layers.Dense(6)(h)]
    return keras.Model(inputs, heads)


def _pairs() -> dict[str, Any]:
    x = [data.features(6), data.features(6, seed=2)]
    return {"x": x, "y": data.classes(2).astype("float32")}


@case(_pairs, lambda: {"loss": "binary_crossentropy", "metrics": ["accuracy"]})
def siamese() -> Any:
    tower = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dense(4),
        ]
    )
    left, right = keras.Input((6,)), keras.Input((6,))
    distance = keras.ops.abs(tower(left) - tower(right))
    chance = layers.Dense(1, activation="sigmoid", dtype="float32")(distance)
    return keras.Model([left, right], chance)
