"""Healthy, although they look like a silent error."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from faults import data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import ready
from faults.case import Setup
from faults.silent_parts import body
from faults.silent_parts import figures
from faults.silent_parts import healthy
from faults.silent_parts import input_of
from faults.silent_parts import net
from faults.silent_parts import output
from faults.silent_parts import picture
from faults.silent_parts import series
from faults.silent_parts import table
from faults.silent_parts import text
from faults.silent_parts import trained

layers = keras.layers
optimizers = keras.optimizers


class TurnAbout(layers.Layer):
    """Two experts; which one works is decided by the sign of a feature."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = layers.Dense(24, "relu"), layers.Dense(24, "relu")

    def call(self, x: Any) -> Any:
        gate = ops.cast(x[:, :1] > 0, x.dtype)
        return gate * self.one(x) + (1 - gate) * self.two(x)


@healthy("silent-trap-hard-gate", note="a comparison has no gradient, nor need it")
def hard_gate() -> Setup:
    model = net("table", TurnAbout(), layers.Dense(24, "relu"))
    return trained("table", model)


class StraightThrough(layers.Layer):
    """Rounds, with the gradient of what was not rounded."""

    def call(self, x: Any) -> Any:
        return x + ops.stop_gradient(ops.round(4 * x) / 4 - x)


@healthy("silent-trap-straight-through")
def straight() -> Setup:
    hidden = [layers.Dense(24, "tanh"), StraightThrough(), layers.Dense(24, "relu")]
    return trained("figures", net("figures", *hidden))


class Averaged(keras.Model):
    """Learns beside a slow average of itself that it also asks."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.slow = net("table"), net("table")
        self.slow.trainable = False

    def call(self, x: Any) -> Any:
        return self.inner(x)

    def train_step(self, data: Any) -> Any:
        logs = super().train_step(data)
        for one, other in zip(self.slow.variables, self.inner.variables):
            one.assign(0.9 * one + 0.1 * other)
        return logs


@healthy("silent-trap-slow-average", bound_to="tensorflow", note="a teacher of itself")
def slow_average() -> Setup:
    return trained("table", Averaged())


@healthy("silent-trap-accumulated", note="each update comes after four batches")
def accumulated() -> Setup:
    optimizer = optimizers.Adam(0.01, gradient_accumulation_steps=4)
    return trained("picture", net("picture"), optimizer=optimizer, epochs=12)


@healthy("silent-trap-kernel-at-its-limit", note="constrained to a norm it has reached")
def limited() -> Setup:
    limit = lambda: keras.constraints.MaxNorm(1.5)
    hidden = [layers.Dense(32, "relu", kernel_constraint=limit()) for _ in range(2)]
    return trained("table", net("table", *hidden), epochs=18)


@healthy("silent-trap-spikes-clipped", note="few large targets; clipped to a norm")
def spikes() -> Setup:
    rng = np.random.default_rng(75)
    (x, y), held_out = figures()
    y = np.where(rng.random(y.shape) < 0.01, y + 40, y).astype("float32")
    optimizer = optimizers.Adam(5e-3, clipnorm=0.5)
    rows = (x, y), held_out
    return trained("figures", net("figures"), rows, optimizer=optimizer, loss="huber")


@healthy("silent-trap-sampled-code", note="a code is drawn in evaluation too")
def sampled() -> Setup:
    class Draw(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seeds = keras.random.SeedGenerator(7)

        def call(self, x: Any, training: bool = False) -> Any:
            mean, spread = ops.split(x, 2, axis=-1)
            if not training:
                return mean
            noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
            return mean + 0.3 * ops.sigmoid(spread) * noise

    (x, _), (xv, _) = data.digits()
    model = chain(
        (64,), layers.Dense(48, "relu"), layers.Dense(20), Draw(), layers.Dense(64)
    )
    rows = (x, x), (xv, xv)
    return ready(model, rows, "mse", optimizers.Adam(5e-3), 12, metrics=("mae",))


@healthy("silent-trap-frozen-norm", note="a trained base in inference, a new head")
def frozen_norm() -> Setup:
    (x, y), _ = picture()
    base = keras.Sequential(
        [
            input_of("picture"),
            layers.Conv2D(12, 3),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.Flatten(),
        ]
    )
    early = keras.Sequential([base, layers.Dense(5, "softmax")])
    early.compile(optimizers.Adam(5e-3), SPARSE, jit_compile=False)
    early.fit(x[y < 5], y[y < 5], epochs=4, verbose=0)
    base.trainable = False
    inputs = input_of("picture")
    head = output("picture")(base(inputs, training=False))
    return trained("picture", keras.Model(inputs, head), epochs=10)


@healthy("silent-trap-in-order-of-time", note="a series is not shuffled")
def in_time() -> Setup:
    rng = np.random.default_rng(76)
    time = np.arange(720)
    value = np.sin(time / 6) + 0.1 * rng.normal(size=720)
    x = np.stack([value[i : i + 16, None] for i in range(700)]).astype("float32")
    y = value[16:716, None].astype("float32")
    model = chain((16, 1), layers.GRU(12), layers.Dense(1))
    rows = (x[:560], y[:560]), (x[560:], y[560:])
    metrics = ("mae",)
    return ready(
        model, rows, "mse", optimizers.Adam(5e-3), 12, metrics=metrics, shuffle=False
    )


@healthy("silent-trap-dear-rows-few", note="one in ten; all of both kinds are found")
def found_all_the_same() -> Setup:
    rng = np.random.default_rng(77)
    y = (rng.random(1200) < 0.1).astype("int32")
    x = (rng.normal(size=(1200, 6)) + 2.5 * y[:, None]).astype("float32")
    model = chain((6,), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid"))
    return ready(model, data.split(x, y), BINARY, optimizers.Adam(5e-3), 12)


@healthy("silent-trap-twenty-to-validate", note="few rows differ from many by chance")
def few_held_out() -> Setup:
    rows, (xv, yv) = table()
    return trained("table", net("table"), (rows, (xv[:20], yv[:20])))


@healthy("silent-trap-augmented", note="training rows are changed, held-out ones not")
def augmented() -> Setup:
    hidden = [
        layers.RandomTranslation(0.1, 0.1),
        layers.GaussianNoise(0.1),
        *body("picture"),
    ]
    return trained("picture", net("picture", *hidden), epochs=10)


@healthy("silent-trap-few-kinds-of-rows", note="equal rows are equal by chance")
def few_kinds() -> Setup:
    rng = np.random.default_rng(78)
    x = rng.integers(0, 3, (900, 4))
    y = ((x[:, 0] + x[:, 1] > 2) ^ (rng.random(900) < 0.1)).astype("int32")
    rows = data.split(x.astype("float32") - 1, y)
    model = chain((4,), layers.Dense(16, "relu"), layers.Dense(2, "softmax"))
    return ready(model, rows, SPARSE, optimizers.Adam(5e-3), 12)


@healthy("silent-trap-one-feature-says-most", note="an easy task is no leak")
def easy() -> Setup:
    rng = np.random.default_rng(79)
    x = rng.normal(size=(800, 5)).astype("float32")
    y = (x[:, 2] + rng.normal(0, 0.15, 800) > 0).astype("int32")
    model = chain((5,), layers.Dense(12, "relu"), layers.Dense(1, "sigmoid"))
    return ready(model, data.split(x, y), BINARY, optimizers.Adam(5e-3), 12)


@healthy("silent-trap-masks-broadcast", note="one mask for all columns, in the loss")
def mask_of_columns() -> Setup:
    def loss(target: Any, said: Any) -> Any:
        known = ops.cast(target[:, :1] > -9, "float32")
        return ops.mean(known * ops.square(target[:, 1:] - said), -1)

    (x, y), (xv, yv) = figures()
    wide = lambda x, y: np.concatenate([y, y, x[:, :2]], 1)
    model = chain(
        (6,), layers.Dense(32, "relu"), layers.Dense(24, "relu"), layers.Dense(3)
    )
    rows = (x, wide(x, y)), (xv, wide(xv, yv))
    return ready(model, rows, loss, optimizers.Adam(5e-3), 14, metrics=())


@healthy("silent-trap-autoencoder", note="targets are the inputs, through 8 numbers")
def autoencoder() -> Setup:
    (x, _), (xv, _) = data.digits()
    model = chain(
        (64,),
        layers.Dense(32, "relu"),
        layers.Dense(8),
        layers.Dense(32, "relu"),
        layers.Dense(64, "sigmoid"),
    )
    rows = (x, x), (xv, xv)
    return ready(model, rows, "mse", optimizers.Adam(4e-3), 14, metrics=("mae",))


@healthy("silent-trap-padding-and-maximum", note="the greatest of all places")
def padding_and_maximum() -> Setup:
    (x, y), (xv, yv) = text()
    fill = lambda x: np.pad(x, ((0, 0), (0, 14)))
    model = chain(
        (30,),
        layers.Embedding(60, 12),
        layers.Conv1D(24, 3, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(24, "relu"),
        layers.Dense(2, "softmax"),
    )
    rows = (fill(x), y), (fill(xv), yv)
    return ready(model, rows, SPARSE, optimizers.Adam(5e-3), 14)


@healthy("silent-trap-black-borders", note="borders of 0 around each picture")
def borders() -> Setup:
    (x, y), (xv, yv) = picture()
    pad = lambda x: np.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0)))
    model = chain(
        (16, 16, 1),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(24, "relu"),
        layers.Dense(10, "softmax"),
    )
    rows = (pad(x), y), (pad(xv), yv)
    return ready(model, rows, SPARSE, optimizers.Adam(4e-3), 10)


class Warm(layers.Layer):
    """A divergence whose weight rises in training."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(6)

    def build(self, shape: Any) -> None:
        self.steps = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="steps"
        )

    def call(self, x: Any, training: bool = False) -> Any:
        mean, log_variance = ops.split(x, 2, axis=-1)
        if training:
            self.steps.assign(self.steps + 1)
        factor = 3e-3 * ops.minimum(1.0, self.steps / 300)
        excess = ops.square(mean) + ops.exp(log_variance) - log_variance - 1
        self.add_loss(factor * 0.5 * ops.mean(ops.sum(excess, -1)))
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        return mean + ops.exp(0.5 * log_variance) * noise


@healthy("silent-trap-divergence-that-rises", note="the weight of one term warms up")
def warm() -> Setup:
    (x, _), (xv, _) = data.digits()
    model = chain(
        (64,),
        layers.Dense(48, "relu"),
        layers.Dense(16),
        Warm(),
        layers.Dense(48, "relu"),
        layers.Dense(64, "sigmoid"),
    )
    rows = (x, x), (xv, xv)
    return ready(model, rows, "mse", optimizers.Adam(4e-3), 14, metrics=("mae",))


class ClosedGate(layers.Layer):
    """A block that starts as the identity: its gate is 0 and learns."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.Dense(24, "relu")

    def build(self, shape: Any) -> None:
        self.inner.build(shape)
        self.gate = self.add_weight(shape=(), initializer="zeros", name="gate")

    def call(self, x: Any) -> Any:
        return x + self.gate * self.inner(x)


@healthy("silent-trap-gates-that-start-closed")
def closed_gates() -> Setup:
    hidden = [layers.Dense(24, "relu"), ClosedGate(), ClosedGate()]
    return trained("table", net("table", *hidden))


@healthy("silent-trap-rows-again-but-changed", note="20 batches, new noise each time")
def again_but_changed() -> Setup:
    class Changed(keras.utils.PyDataset):
        def __init__(self, x: Any, y: Any) -> None:
            super().__init__()
            self.x, self.y, self.rng = x, y, np.random.default_rng(8)

        def __len__(self) -> int:
            return 40

        def __getitem__(self, i: int) -> Any:
            rows = slice(32 * (i % 20), 32 * (i % 20) + 32)
            noise = self.rng.normal(0, 0.1, self.x[rows].shape)
            return (self.x[rows] + noise).astype("float32"), self.y[rows]

    (x, y), _ = picture()
    made = trained("picture", net("picture"))
    made.x, made.y = Changed(x, y), None
    made.fit = {"epochs": 6}
    return made


@healthy(
    "silent-trap-loss-of-a-batch", note="a loss that compares rows; outputs do not"
)
def contrasted() -> Setup:
    def loss(target: Any, code: Any) -> Any:
        code = ops.normalize(code, axis=-1)
        near = ops.matmul(code, ops.transpose(code)) * 5.0
        near = near - 1e9 * ops.eye(ops.shape(code)[0])
        same = ops.cast(ops.equal(target, ops.transpose(target)), "float32")
        same = same * (1 - ops.eye(ops.shape(code)[0]))
        log = near - ops.logsumexp(near, axis=1, keepdims=True)
        return -ops.sum(same * log, 1) / (ops.sum(same, 1) + 1e-6)

    (x, y), (xv, yv) = picture()
    hidden = [*body("picture"), layers.Dense(32, "relu"), layers.Dense(16)]
    model = keras.Sequential([input_of("picture"), *hidden])
    rows = (x, y[:, None]), (xv, yv[:, None])
    made = ready(model, rows, loss, optimizers.Adam(2e-3), 8, 64, metrics=())
    made.fit["validation_batch_size"] = 64
    return made


@healthy("silent-trap-forecast-near-the-last", note="the next value is near the last")
def persistent() -> Setup:
    rng = np.random.default_rng(80)
    wave = np.sin(np.arange(740) / 25) + 0.02 * rng.normal(size=740)
    x = np.stack([wave[i : i + 24, None] for i in range(700)]).astype("float32")
    y = wave[30:730, None].astype("float32")
    model = chain((24, 1), layers.Flatten(), layers.Dense(24, "relu"), layers.Dense(1))
    metrics = ("mae",)
    return ready(
        model, data.split(x, y), "mse", optimizers.Adam(4e-3), 14, metrics=metrics
    )


@healthy("silent-trap-two-optimizers-in-turn", bound_to="tensorflow")
def in_turn() -> Setup:
    class InTurn(keras.Model):
        """Trains its body and its head by turns."""

        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = layers.Dense(24, "relu"), layers.Dense(3, "softmax")
            self.other = optimizers.Adam(0.01)

        def call(self, x: Any) -> Any:
            return self.head(self.body(x))

        def train_step(self, data: Any) -> Any:
            import tensorflow as tf

            x, y = data
            with tf.GradientTape(persistent=True) as tape:
                said = self(x, training=True)
                loss = self.compute_loss(x=x, y=y, y_pred=said)
            for part, how in ((self.body, self.optimizer), (self.head, self.other)):
                found = tape.gradient(loss, part.trainable_variables)
                how.apply(found, part.trainable_variables)
            for metric in self.metrics:
                metric.update_state(*((loss,) if metric.name == "loss" else (y, said)))
            return {metric.name: metric.result() for metric in self.metrics}

    model = InTurn()
    model.build((None, 4))
    model.other.build(model.head.trainable_variables)
    made = trained("table", model, epochs=16)
    model.optimizer.build(model.body.trainable_variables)
    return made


@healthy("silent-trap-series-shares-values", note="windows overlap: rows share values")
def overlapping() -> Setup:
    (x, y), held_out = series()
    return trained("series", net("series"), ((x, y), held_out), epochs=8)
