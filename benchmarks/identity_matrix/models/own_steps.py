"""Models with steps, losses or optimizers of their own."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers
from keras import ops

from identity_matrix import data
from identity_matrix.case import case
from identity_matrix.case import own_loss
from identity_matrix.setups import Setup


class VariationalAutoencoder(keras.Model):
    """Adds the divergence as a loss, and draws with a seed generator or without."""

    def __init__(self, seeded: bool) -> None:
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.mean, self.log_variance = layers.Dense(2), layers.Dense(2)
        self.decoder = keras.Sequential(
            [layers.Dense(8, activation="relu"), layers.Dense(6)]
        )
        self.seeds = keras.random.SeedGenerator(5) if seeded else None

    def draw(self, like: Any) -> Any:
        if self.seeds is None:
            return ops.cast(tf.random.normal(tf.shape(like)), like.dtype)
        return keras.random.normal(ops.shape(like), dtype=like.dtype, seed=self.seeds)

    def call(self, x: Any) -> Any:
        h = self.hidden(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        divergence = ops.square(mean) + ops.exp(log_variance) - log_variance - 1
        self.add_loss(ops.mean(ops.cast(divergence, "float32")))
        return self.decoder(mean + ops.exp(log_variance / 2) * self.draw(mean))


def _reconstructed() -> dict[str, Any]:
    return {"x": data.features(6), "y": data.features(6)}


@case(_reconstructed)
def vae() -> Any:
    return VariationalAutoencoder(seeded=True)


@case(_reconstructed)
def vae_with_stateful_draws() -> Any:
    return VariationalAutoencoder(seeded=False)


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


class OwnStep(keras.Model):
    """Has a training step of its own with a second loss, and returns a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.norm = layers.BatchNormalization()
        self.left, self.right = layers.Dense(1), layers.Dense(2)

    def call(self, x: Any, training: Any = None) -> Any:
        h = self.norm(self.hidden(x), training=training)
        return {"left": self.left(h), "right": self.right(h)}

    def train_step(self, pair: Any) -> Any:
        x, y = pair
        with tf.GradientTape() as tape:
            out = self(x, training=True)
            error = ops.cast(out["left"], "float32") - y
            extra = ops.mean(ops.square(ops.cast(out["right"], "float32")))
            loss = ops.mean(ops.square(error)) + extra
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        return {"loss": loss, "extra": extra}


@case(data.vectors, own_loss)
def own_train_step() -> Any:
    return OwnStep()


class OwnLoss(keras.Model):
    """Computes its loss itself, with a metric of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = layers.Dense(8, activation="relu"), layers.Dense(1)
        self.seen = keras.metrics.Mean(name="largest")

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(x))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        error = ops.abs(ops.cast(y_pred, "float32") - y)
        self.seen.update_state(ops.max(error))
        return ops.mean(ops.square(error)) + 0.1 * ops.max(error) + sum(self.losses)


@case(data.vectors, own_loss)
def own_compute_loss() -> Any:
    return OwnLoss()


class WithUnused(keras.Model):
    """Makes sublayers that it never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = layers.Dense(8, activation="relu"), layers.Dense(1)
        self.spare = layers.Dense(4)
        self.more_spare = keras.Sequential([layers.Dense(4), layers.Dropout(0.5)])

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(x))


@case(data.vectors)
def never_called_sublayer() -> Any:
    return WithUnused()
