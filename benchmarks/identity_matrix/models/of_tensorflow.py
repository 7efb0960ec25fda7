"""Models and data bound to TensorFlow: its tensors, its strategies, its tape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras import ops

from identity_matrix import data
from identity_matrix.case import BATCH
from identity_matrix.case import ROWS
from identity_matrix.case import case
from identity_matrix.case import classification
from identity_matrix.case import own_loss
from identity_matrix.models.inputs import classifier
from identity_matrix.models.own_steps import VariationalAutoencoder
from identity_matrix.models.own_steps import reconstructed
from identity_matrix.setups import Setup


def _of_unknown_length() -> dict[str, Any]:
    x, y = data.features(6), data.classes()

    def batches() -> Iterator[Any]:
        for start in range(0, ROWS, BATCH):
            yield x[start : start + BATCH], y[start : start + BATCH]

    specs = (
        tf.TensorSpec((None, 6), tf.float32),
        tf.TensorSpec((None,), tf.int32),
    )
    return {"x": tf.data.Dataset.from_generator(batches, output_signature=specs)}


@case(_of_unknown_length, classification)
def unknown_length() -> Any:
    return classifier()


@case(data.labelled_vectors, classification, logical_cpus=2, seconds=3)
def mirrored() -> Any:
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        return classifier()


def _ragged() -> dict[str, Any]:
    words = data.tokens()
    rows = tf.RaggedTensor.from_tensor(words, padding=0)
    dataset = tf.data.Dataset.from_tensor_slices((rows, data.classes()))
    return {"x": dataset.ragged_batch(8)}


class MeanOfRagged(layers.Layer):
    """Averages the vectors of the words of a row of any length."""

    def __init__(self) -> None:
        super().__init__()
        self.words = layers.Embedding(20, 4)

    def call(self, x: Any) -> Any:
        return tf.reduce_mean(x.with_flat_values(self.words(x.flat_values)), axis=1)


class RaggedModel(keras.Model):
    """Classifies rows of any length."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = MeanOfRagged()
        self.hidden = layers.Dense(6, activation="relu")
        self.head = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(self.mean(x)))


@case(_ragged, classification)
def ragged_input() -> Any:
    return RaggedModel()


def _sparse() -> dict[str, Any]:
    x = data.features(12)
    x[np.abs(x) < 0.7] = 0
    rows = tf.data.Dataset.from_tensor_slices((x, data.features(1, seed=1))).batch(8)
    return {"x": rows.map(lambda x, y: (tf.sparse.from_dense(x), y))}


@case(_sparse)
def sparse_input() -> Any:
    inputs = keras.Input((12,), sparse=True)
    h = layers.Dense(8, activation="relu")(inputs)
    return keras.Model(inputs, layers.Dense(1)(h))


class StatefulDraws(VariationalAutoencoder):
    """Draws with TensorFlow's own generator."""

    def draw(self, like: Any) -> Any:
        return ops.cast(tf.random.normal(tf.shape(like)), like.dtype)


@case(reconstructed)
def vae_with_stateful_draws() -> Any:
    return StatefulDraws()


class Adversaries(keras.Model):
    """A generator and a discriminator, with an optimizer each."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = keras.Sequential(
            [keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(6)]
        )
        self.discriminator = keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(8, activation="leaky_relu"),
                layers.Dropout(0.2),
                layers.Dense(1, dtype="float32"),
            ]
        )
        self.seeds = keras.random.SeedGenerator(3)
        self.losses_seen = keras.metrics.Mean(name="generator_loss")

    def compile(self, first: Any, second: Any, **arguments: Any) -> None:
        super().compile(loss="binary_crossentropy", **arguments)
        self.first, self.second = first, second

    def call(self, x: Any) -> Any:
        return self.discriminator(x)

    def draw(self, like: Any) -> Any:
        return keras.random.normal((ops.shape(like)[0], 4), seed=self.seeds)

    def apply(self, optimizer: Any, tape: Any, loss: Any, variables: Any) -> None:
        optimizer.apply(tape.gradient(loss, variables), variables)

    def train_step(self, real: Any) -> Any:
        entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        with tf.GradientTape() as tape:
            made = self.discriminator(self.generator(self.draw(real)), training=True)
            seen = self.discriminator(real, training=True)
            loss = entropy(ops.ones_like(seen), seen)
            loss = loss + entropy(ops.zeros_like(made), made)
            scaled = self.first.scale_loss(loss)
        variables = self.discriminator.trainable_variables
        self.apply(self.first, tape, scaled, variables)
        with tf.GradientTape() as tape:
            made = self.discriminator(self.generator(self.draw(real)), training=True)
            own = entropy(ops.ones_like(made), made)
            scaled = self.second.scale_loss(own)
        variables = self.generator.trainable_variables
        self.apply(self.second, tape, scaled, variables)
        self.losses_seen.update_state(own)
        return {"loss": loss, "generator_loss": self.losses_seen.result()}


def _compile_adversaries(model: Any, setup: Setup) -> None:
    model.compile(setup.optimizer(), setup.optimizer(), **setup.arguments())


@case(data.features_only, own_loss, compile=_compile_adversaries, seconds=2)
def gan() -> Any:
    return Adversaries()


class TwoOptimizers(keras.Model):
    """Trains its body and its head by optimizers of its own, not the compiled one."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(8, activation="relu")
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.head(self.body(x))

    def train_step(self, pair: Any) -> Any:
        x, y = pair
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(ops.cast(self(x, training=True), y.dtype) - y))
            scaled = self.slow.scale_loss(loss)
        parts = self.body.trainable_variables, self.head.trainable_variables
        body, head = tape.gradient(scaled, parts)
        self.slow.apply(body, parts[0])
        self.fast.apply(head, parts[1])
        return {"loss": loss}


def _compile_two(model: Any, setup: Setup) -> None:
    model.compile(**setup.arguments())
    model.slow, model.fast = setup.optimizer(), setup.optimizer()


@case(data.vectors, own_loss, compile=_compile_two)
def unused_compiled_optimizer() -> Any:
    return TwoOptimizers()
