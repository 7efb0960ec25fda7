"""Healthy: convolutional nets, autoencoders, adversarial pairs, transfer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from faults import data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import JIT
from faults.case import Setup
from faults.case import healthy

layers = keras.layers
optimizers = keras.optimizers


@healthy("digits-cnn")
def small() -> Setup:
    model = chain(
        (8, 8, 1),
        layers.Conv2D(8, 3, activation="relu"),
        layers.Conv2D(16, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.digits(flat=False), SPARSE, epochs=8)


@healthy("fashion-lenet")
def lenet() -> Setup:
    model = chain(
        (28, 28, 1),
        layers.Conv2D(6, 5, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Conv2D(12, 5, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(60, "tanh"),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.fashion(1200), SPARSE, epochs=5)


@healthy("fashion-cnn-batch-norm")
def normalised() -> Setup:
    def block(filters: int) -> list[Any]:
        return [
            layers.Conv2D(filters, 3, strides=2, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]

    model = chain(
        (28, 28, 1),
        *block(8),
        *block(16),
        layers.Flatten(),
        layers.Dropout(0.1),
        layers.Dense(10),
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = optimizers.SGD(0.02, momentum=0.9, nesterov=True)
    return ready(model, data.fashion(), loss, optimizer, 5)


@healthy("digits-residual-cnn")
def residual() -> Setup:
    inputs = keras.Input((8, 8, 1))
    hidden = layers.Conv2D(12, 3, padding="same")(inputs)
    for _ in range(3):
        branch = layers.BatchNormalization()(hidden)
        branch = layers.Activation("relu")(branch)
        branch = layers.Conv2D(12, 3, padding="same")(branch)
        hidden = layers.Add()([hidden, branch])
    hidden = layers.Activation("relu")(hidden)
    hidden = layers.GlobalAveragePooling2D()(hidden)
    outputs = layers.Dense(10, "softmax")(hidden)
    optimizer = optimizers.Adam(5e-3)
    digits = data.digits(flat=False)
    return ready(keras.Model(inputs, outputs), digits, SPARSE, optimizer, 8)


@healthy("digits-augmented", note="moved and turned anew in each epoch")
def augmented() -> Setup:
    model = chain(
        (8, 8, 1),
        layers.RandomTranslation(0.1, 0.1, fill_mode="constant", seed=1),
        layers.GaussianNoise(0.05, seed=2),
        layers.Conv2D(12, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, "relu"),
        layers.Dense(10, "softmax"),
    )
    optimizer = optimizers.Adam(3e-3)
    return ready(model, data.digits(flat=False), SPARSE, optimizer, 10)


@healthy("autoencoder-bce", loss=BINARY, output="sigmoid", note="the loss ends at 0.3")
@healthy("autoencoder-mse", loss="mse", output="sigmoid")
@healthy("autoencoder-linear", loss="mse", output=None, activation=None, note="is PCA")
def autoencoder(
    loss: str, output: str | None, activation: str | None = "relu"
) -> Setup:
    (x, _), (xv, _) = data.digits()
    model = chain(
        (64,),
        layers.Dense(32, activation),
        layers.Dense(8, name="code"),
        layers.Dense(32, activation),
        layers.Dense(64, output),
    )
    images = (x, x), (xv, xv)
    return ready(model, images, loss, optimizers.Adam(3e-3), 15, metrics=("mae",))


@healthy("autoencoder-denoising")
def denoising() -> Setup:
    rng = np.random.default_rng(1)

    def pair(x: Any) -> Any:
        noise = rng.normal(0, 0.3, x.shape)
        return (x + noise).clip(0, 1).astype("float32"), x

    (x, _), (xv, _) = data.digits(flat=False)
    model = chain(
        (8, 8, 1),
        layers.Conv2D(12, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2DTranspose(12, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    )
    optimizer = optimizers.Adam(3e-3)
    return ready(model, (pair(x), pair(xv)), "mse", optimizer, 8, metrics=("mae",))


@healthy("digits-segmentation", note="a label for each pixel, four in five of them 0")
def segmentation() -> Setup:
    def mask(x: Any) -> Any:
        return (x > 0.7).astype("float32")

    (x, _), (xv, _) = data.digits(flat=False)
    rng = np.random.default_rng(2)
    noisy = lambda a: (0.6 * a + rng.normal(0, 0.1, a.shape)).astype("float32")
    images = (noisy(x), mask(x)), (noisy(xv), mask(xv))
    model = chain(
        (8, 8, 1),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.Conv2D(1, 1, activation="sigmoid"),
    )
    metrics = ("binary_accuracy",)
    return ready(model, images, BINARY, optimizers.Adam(0.01), 6, metrics=metrics)


class _Variational(keras.Model):
    """An autoencoder with a step of its own and two parts to its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = dense(64, (32,), 8)
        self.decoder = dense(4, (32,), 64, "sigmoid")
        self.seed = keras.random.SeedGenerator(1)

    def call(self, images: Any) -> Any:
        mean, log_variance = ops.split(self.encoder(images), 2, axis=-1)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        divergence = ops.square(mean) + ops.exp(log_variance) - log_variance - 1
        self.add_loss(0.01 * ops.mean(ops.sum(divergence, axis=-1)))
        return self.decoder(mean + ops.exp(0.5 * log_variance) * noise)


@healthy("autoencoder-variational")
def variational() -> Setup:
    (x, _), (xv, _) = data.digits()
    images = (x, x), (xv, xv)
    optimizer = optimizers.Adam(3e-3)
    return ready(_Variational(), images, BINARY, optimizer, 12, metrics=("mae",))


class _Adversarial(keras.Model):
    """Two nets against each other; both losses stay where they are, as they should."""

    def __init__(self) -> None:
        super().__init__()
        self.maker = dense(4, (24, 24), 2)
        self.critic = dense(2, (24, 24), 1, activation="leaky_relu")
        self.seed = keras.random.SeedGenerator(3)
        self.critic_optimizer = optimizers.Adam(2e-3, beta_1=0.5)
        self.critic_optimizer.build(self.critic.trainable_variables)
        self.score = keras.losses.BinaryCrossentropy(from_logits=True)
        self.seen = [keras.metrics.Mean(name="loss"), keras.metrics.Mean("critic_loss")]

    def call(self, noise: Any) -> Any:
        return self.maker(noise)

    @property
    def metrics(self) -> list[Any]:
        return self.seen

    def train_step(self, points: Any) -> dict[str, Any]:
        import tensorflow as tf

        count = ops.shape(points)[0]
        noise = keras.random.normal((count, 4), seed=self.seed)
        with tf.GradientTape() as tape:
            real, made = self.critic(points), self.critic(self.maker(noise))
            lost = self.score(ops.ones_like(real), real)
            lost = lost + self.score(ops.zeros_like(made), made)
        weights = self.critic.trainable_variables
        self.critic_optimizer.apply(tape.gradient(lost, weights), weights)
        with tf.GradientTape() as tape:
            made = self.critic(self.maker(noise))
            fooled = self.score(ops.ones_like(made), made)
        weights = self.maker.trainable_variables
        self.optimizer.apply(tape.gradient(fooled, weights), weights)
        self.seen[0].update_state(fooled)
        self.seen[1].update_state(lost)
        return {metric.name: metric.result() for metric in self.seen}


@healthy(
    "adversarial-moons",
    bound_to="tensorflow",
    note="a step of its own; the losses need not fall",
)
def adversarial() -> Setup:
    (x, _), _ = data.plane("moons")
    model = _Adversarial()
    model.build((None, 4))
    model.compile(optimizers.Adam(2e-3, beta_1=0.5), jit_compile=JIT)
    return Setup(model, x, fit={"epochs": 30, "batch_size": 32})


@healthy("digits-pairs-contrastive", note="same or another digit, by distance")
def contrastive() -> Setup:
    rng = np.random.default_rng(3)

    def pairs(x: Any, y: Any) -> Any:
        other = rng.integers(0, len(x), len(x))
        by_class = {k: np.flatnonzero(y == k) for k in range(10)}
        same = rng.random(len(x)) < 0.5
        other = np.where(same, [rng.choice(by_class[k]) for k in y], other)
        alike = (y == y[other]).astype("float32")
        return np.stack([x, x[other]], 1), alike[:, None]

    def loss(alike: Any, distance: Any) -> Any:
        apart = ops.square(ops.maximum(1 - distance, 0))
        return ops.mean(alike * ops.square(distance) + (1 - alike) * apart, axis=-1)

    (x, y), (xv, yv) = data.digits()
    encoder = dense(64, (48,), 8)
    inputs = keras.Input((2, 64))
    difference = encoder(inputs[:, 0]) - encoder(inputs[:, 1])
    squares = ops.sum(ops.square(difference), axis=-1, keepdims=True)
    model = keras.Model(inputs, ops.sqrt(squares + 1e-6))
    metrics = (keras.metrics.MeanAbsoluteError(name="mae"),)
    return ready(model, (pairs(x, y), pairs(xv, yv)), loss, epochs=10, metrics=metrics)


def _pretrained() -> Any:
    """Returns a net that knows the digits 0 to 4."""
    (x, y), held_out = data.digits()
    few = x[y < 5], y[y < 5]
    model = dense(64, (48, 32), 5, "softmax")
    ready(model, (few, held_out), SPARSE, optimizers.Adam(5e-3), 12).model.fit(
        *few, epochs=12, verbose=0
    )
    return model


@healthy("transfer-frozen-base", frozen=True, rate=3e-3)
@healthy("transfer-all-layers", frozen=False, rate=1e-3)
def transfer(frozen: bool, rate: float) -> Setup:
    (x, y), (xv, yv) = data.digits()
    base = _pretrained()
    keep = keras.Sequential(base.layers[:-1])
    keep.trainable = not frozen
    model = chain((64,), keep, layers.Dense(5, "softmax"))
    rest = (x[y > 4], y[y > 4] - 5), (xv[yv > 4], yv[yv > 4] - 5)
    return ready(model, rest, SPARSE, optimizers.Adam(rate), 12)


@healthy("transfer-low-rate", rate=1e-5, note="already trained; a low rate on purpose")
@healthy("transfer-second-fit", rate=1e-3, note="goes on where it had converged")
def continued(rate: float) -> Setup:
    model = dense(64, (64, 32), 10, "softmax")
    first = ready(model, data.digits(), SPARSE, optimizers.Adam(4e-3), 20)
    first.train()
    return ready(model, data.digits(), SPARSE, optimizers.Adam(rate), 6)


@healthy("transfer-distilled", note="learns the answers of a larger net")
def distilled() -> Setup:
    (x, _), (xv, _) = data.digits()
    teacher = dense(64, (64,), 10, "softmax")
    ready(teacher, data.digits(), SPARSE, optimizers.Adam(4e-3), 8).train()
    soft = lambda a: teacher.predict(a, verbose=0) ** 0.5
    share = lambda p: p / p.sum(-1, keepdims=True)
    student = dense(64, (16,), 10, "softmax")
    answers = (x, share(soft(x))), (xv, share(soft(xv)))
    loss = keras.losses.KLDivergence()
    return ready(student, answers, loss, optimizers.Adam(5e-3), 12)
