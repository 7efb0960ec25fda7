"""Unseen and healthy: sets, graphs, equations, densities, codes."""

from __future__ import annotations

import functools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from faults import case
from faults import data
from faults import unseen_data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import JIT
from faults.case import Setup

healthy = functools.partial(case.healthy, part="unseen")
layers = keras.layers
losses = keras.losses
optimizers = keras.optimizers
ERROR = ("mae",)


@healthy("clouds-of-points", note="a net for each point, the greatest of each feature")
def clouds() -> Setup:
    model = chain(
        (32, 2),
        layers.Conv1D(24, 1, activation="relu"),
        layers.Conv1D(48, 1, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(24, "relu"),
        layers.Dropout(0.2),
        layers.Dense(3, "softmax"),
    )
    return ready(model, unseen_data.clouds(), SPARSE, optimizers.Adam(5e-3), 20)


class _Graph(layers.Layer):
    """Mixes the features of each with those whom one knows."""

    def __init__(self, weights: Any, units: int, activation: Any = None) -> None:
        super().__init__()
        self.links = ops.convert_to_tensor(weights)
        self.dense = layers.Dense(units, activation)

    def call(self, x: Any) -> Any:
        return self.dense(ops.matmul(self.links, x))


@healthy("community-graph-network", note="all in one batch; only some have a label")
def community() -> Setup:
    x, weights, y = unseen_data.community()
    rng = np.random.default_rng(6)
    known = (rng.random(len(y)) < 0.25).astype("float32")
    model = chain(
        (12,),
        layers.Dropout(0.3),
        _Graph(weights, 16, "relu"),
        layers.Dropout(0.3),
        _Graph(weights, 4),
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    people = (x, y), (x, y, 1 - known)
    only = {"weighted_metrics": ["accuracy"]}
    optimizer = optimizers.Adam(0.02, weight_decay=5e-4)
    made = ready(model, people, loss, optimizer, 60, 240, (), compiled=only)
    made.fit.update(sample_weight=known, shuffle=False)
    return made


class _Physics(keras.Model):
    """A net whose second derivative is to be -sin, and which is 0 at both ends."""

    def __init__(self) -> None:
        super().__init__(name="physics")
        self.net = dense(1, (24, 24), 1, None, "tanh")

    def call(self, x: Any) -> Any:
        return self.net(x)

    def compute_loss(self, x: Any = None, *others: Any, **kwargs: Any) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                u = self.net(x)
            slope = inner.gradient(u, x)
        bend = outer.gradient(slope, x)
        ends = self.net(ops.convert_to_tensor([[0.0], [math.pi]]))
        return ops.mean(ops.square(bend + ops.sin(x))) + ops.mean(ops.square(ends))


@healthy(
    "equation-by-its-derivatives",
    bound_to="tensorflow",
    note="no targets; 0.5 is the loss of u = 0",
)
def equation() -> Setup:
    model = _Physics()
    model.compile(optimizer=optimizers.Adam(5e-3), jit_compile=JIT)
    x = np.random.default_rng(7).uniform(0, np.pi, (400, 1)).astype("float32")
    return Setup(model, x, None, None, {"epochs": 25, "batch_size": 40})


class _Flow(keras.Model):
    """Four coupling layers, and the likelihood of the points."""

    def __init__(self) -> None:
        super().__init__(name="flow")
        self.nets = [dense(1, (24, 24), 2) for _ in range(4)]
        self.mean = keras.metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[Any]:
        return [self.mean]

    def call(self, x: Any) -> Any:
        grown = 0.0
        for net in self.nets:
            kept, other = ops.split(x, 2, axis=-1)
            scale, move = ops.split(net(kept), 2, axis=-1)
            scale = ops.tanh(scale)
            other, grown = other * ops.exp(scale) + move, grown + scale
            x = ops.concatenate([other, kept], axis=-1)
        return x, grown

    def lost(self, x: Any) -> Any:
        z, grown = self(x)
        density = -0.5 * ops.sum(ops.square(z), -1) - math.log(2 * math.pi)
        return -ops.mean(density + grown[:, 0])

    def train_step(self, x: Any) -> dict[str, Any]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self.lost(x)
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        self.mean.update_state(loss)
        return {"loss": self.mean.result()}

    def test_step(self, x: Any) -> dict[str, Any]:
        self.mean.update_state(self.lost(x))
        return {"loss": self.mean.result()}


@healthy(
    "moons-coupling-flow",
    bound_to="tensorflow",
    note="a step of our own; 2.8 is a normal law's loss",
)
def flow() -> Setup:
    model = _Flow()
    model.compile(optimizer=optimizers.Adam(5e-3), jit_compile=JIT)
    (x, _), (xv, _) = data.plane("moons")
    scale = lambda a: ((a - x.mean(0)) / x.std(0)).astype("float32")
    fit = {"epochs": 15, "batch_size": 64}
    return Setup(model, scale(x), None, (scale(xv),), fit)


@healthy("moons-what-noise-was-added", note="diffusion; 1 is chance, 0.4 all there is")
def diffusion() -> Setup:
    rng = np.random.default_rng(8)

    def blur(x: Any) -> Any:
        x = np.repeat((x - [0.5, 0.25]) / 0.7, 3, 0)
        time, noise = rng.random((len(x), 1)), rng.normal(size=x.shape)
        turn = time * np.pi / 2
        mixed = np.cos(turn) * x + np.sin(turn) * noise
        inputs = np.concatenate([mixed, np.sin(turn), np.cos(turn)], 1)
        return inputs.astype("float32"), noise.astype("float32")

    (x, _), (xv, _) = data.plane("moons")
    model = dense(4, (64, 64), 2, None, "swish")
    points, optimizer = (blur(x), blur(xv)), optimizers.Adam(3e-3)
    return ready(model, points, "mse", optimizer, 10, 64, metrics=ERROR)


class _Game(keras.Model):
    """A generator of points against a critic, by least squares."""

    def __init__(self) -> None:
        super().__init__(name="game")
        self.made = dense(4, (24,), 2, None, "leaky_relu")
        self.critic = dense(2, (24,), 1, None, "leaky_relu")
        self.means = [keras.metrics.Mean(name=n) for n in ("critic", "generator")]
        self.seed = keras.random.SeedGenerator(9)
        self.other = optimizers.Adam(2e-3, beta_1=0.5)
        self.other.build(self.made.trainable_weights)

    @property
    def metrics(self) -> list[Any]:
        return self.means

    def call(self, x: Any) -> Any:
        return self.critic(x)

    def train_step(self, x: Any) -> dict[str, Any]:
        import tensorflow as tf

        noise = keras.random.normal((ops.shape(x)[0], 4), seed=self.seed)
        with tf.GradientTape() as tape:
            right = ops.square(self.critic(x) - 1)
            loss = ops.mean(right + ops.square(self.critic(self.made(noise))))
        weights = self.critic.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        with tf.GradientTape() as tape:
            fooled = ops.mean(ops.square(self.critic(self.made(noise)) - 1))
        weights = self.made.trainable_weights
        self.other.apply_gradients(zip(tape.gradient(fooled, weights), weights))
        for mean, value in zip(self.means, (loss, fooled)):
            mean.update_state(value)
        return {mean.name: mean.result() for mean in self.means}


@healthy(
    "ring-two-players",
    bound_to="tensorflow",
    note="at rest both play for 0.5 and 0.25; no loss to fall",
)
def game() -> Setup:
    model = _Game()
    model.compile(optimizer=optimizers.Adam(2e-3, beta_1=0.5), jit_compile=JIT)
    turn = np.random.default_rng(10).uniform(0, 2 * np.pi, 1000)
    x = np.stack([np.cos(turn), np.sin(turn)], 1).astype("float32")
    return Setup(model, x, None, None, {"epochs": 15, "batch_size": 50})


class _Nearest(layers.Layer):
    """Replaces each code by the nearest of a book that is learnt."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        start = keras.initializers.RandomUniform(-0.5, 0.5)
        self.book = self.add_weight(shape=(size, width), initializer=start, name="book")

    def call(self, x: Any) -> Any:
        apart = ops.sum(ops.square(x[..., None, :] - self.book), -1)
        picked = ops.take(self.book, ops.argmin(apart, -1), axis=0)
        away = ops.square(ops.stop_gradient(x) - picked)
        back = ops.square(x - ops.stop_gradient(picked))
        self.add_loss(ops.mean(away) + 0.25 * ops.mean(back))
        return x + ops.stop_gradient(picked - x)


@healthy("digits-codes-from-a-book", note="vector quantisation, straight through")
def quantised() -> Setup:
    (x, _), (xv, _) = data.digits()
    model = chain(
        (64,),
        layers.Dense(48, "relu"),
        layers.Dense(32),
        layers.Reshape((8, 4)),
        _Nearest(32, 4),
        layers.Flatten(),
        layers.Dense(48, "relu"),
        layers.Dense(64, "sigmoid"),
    )
    pictures, optimizer = ((x, x), (xv, xv)), optimizers.Adam(3e-3)
    return ready(model, pictures, "mse", optimizer, 15, metrics=ERROR)


@healthy("clothes-convolutional-code", note="down to 4 by 4 by 8, and up again")
def convolutional_code() -> Setup:
    (x, _), (xv, _) = unseen_data.clothes(900)
    pad = lambda a: np.pad(a, ((0, 0), (1, 1), (1, 1), (0, 0)))
    conv = lambda n: layers.Conv2D(n, 3, 2, padding="same", activation="relu")
    up = lambda n: layers.Conv2DTranspose(n, 3, 2, padding="same", activation="relu")
    output = layers.Conv2D(1, 3, padding="same", activation="sigmoid")
    model = chain((16, 16, 1), conv(12), conv(8), up(12), up(12), output)
    pictures = (pad(x), pad(x)), (pad(xv), pad(xv))
    optimizer = optimizers.Adam(3e-3)
    return ready(model, pictures, BINARY, optimizer, 8, metrics=ERROR)


@healthy("digits-holes-filled", note="a 4 by 4 hole to be filled from what is around")
def holes() -> Setup:
    (x, _), (xv, _) = data.digits(flat=False)

    def cut(x: Any) -> Any:
        holed = x.copy()
        holed[:, 2:6, 2:6] = 0
        return holed

    model = chain(
        (8, 8, 1),
        layers.Flatten(),
        layers.Dense(96, "relu"),
        layers.Dense(64),
        layers.Reshape((8, 8, 1)),
    )
    pictures = (cut(x), x), (cut(xv), xv)
    optimizer = optimizers.Adam(2e-3)
    return ready(model, pictures, "mse", optimizer, 15, metrics=ERROR)


class _Film(keras.Model):
    """The class that is asked for scales and moves the features of the picture."""

    def __init__(self) -> None:
        super().__init__(name="film")
        self.picture, self.output_layer = layers.Dense(48), layers.Dense(1)
        self.scale, self.move = layers.Embedding(10, 48), layers.Embedding(10, 48)
        self.norm = layers.LayerNormalization()

    def call(self, inputs: Any) -> Any:
        hidden = self.norm(self.picture(inputs["picture"]))
        asked = inputs["class"]
        hidden = hidden * (1 + self.scale(asked)) + self.move(asked)
        return self.output_layer(ops.relu(hidden))


@healthy(
    "digits-is-it-what-was-asked", note="a digit and a class; half fit; subclassed"
)
def asked() -> Setup:
    def ask(x: Any, y: Any) -> Any:
        rng = np.random.default_rng(11)
        fits = rng.random(len(y)) < 0.5
        asked = np.where(fits, y, (y + rng.integers(1, 10, len(y))) % 10)
        inputs = {"picture": x, "class": asked.astype("int32")}
        return inputs, fits.astype("float32")[:, None]

    train, held_out = data.digits()
    loss = losses.BinaryCrossentropy(from_logits=True)
    metrics = (keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy"),)
    pictures, optimizer = (ask(*train), ask(*held_out)), optimizers.Adam(3e-3)
    return ready(_Film(), pictures, loss, optimizer, 15, metrics=metrics)


@healthy(
    "streets-first-pixels-own-steps",
    bound_to="tensorflow",
    note="`steps_per_epoch`, an endless flow",
)
def endless() -> Setup:
    import tensorflow as tf

    (x, y), (xv, yv) = unseen_data.streets()
    flow = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(300, seed=1).repeat()
    conv = lambda n, stride: layers.Conv2D(
        n, 3, stride, padding="same", activation="relu"
    )
    model = chain(
        (16, 16, 3),
        conv(12, 2),
        conv(16, 2),
        conv(16, 1),
        layers.UpSampling2D(4, interpolation="bilinear"),
        layers.Conv2D(3, 3, padding="same", activation="softmax"),
    )
    optimizer = optimizers.RMSprop(3e-3)
    model.compile(optimizer, SPARSE, metrics=["accuracy"], jit_compile=JIT)
    fit = {"epochs": 8, "steps_per_epoch": 20}
    return Setup(model, flow.batch(16), None, (xv, yv), fit)
