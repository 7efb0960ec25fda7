"""Posted because they did not learn: series, pictures, codes and embeddings."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from faults import data
from faults.build import BINARY
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.posted import DEAD
from faults.posted import ERROR
from faults.posted import EXPLODING
from faults.posted import HIDDEN
from faults.posted import IDLE
from faults.posted import LOOSE
from faults.posted import LOW
from faults.posted import NAN
from faults.posted import RAW
from faults.posted import TIGHT
from faults.posted import WRONG
from faults.posted import faulty
from faults.posted import healthy

layers = keras.layers
optimizers = keras.optimizers
regularizers = keras.regularizers


# Codes


def itself(x: Any) -> data.Split:
    (x, _), (xv, _) = data.split(x.astype("float32"), x)
    return (x, x), (xv, xv)


@faulty(
    "code-of-one-two-three-by-sigmoid",
    WRONG,
    ("saturated-activation", *IDLE),
    note="values of 1 to 4 out of a sigmoid (Stack Overflow 44601367)",
    output="sigmoid",
    twin="code-of-one-two-three",
)
@healthy("code-of-one-two-three", output=None)
def one_two_three(output: Any) -> Setup:
    rng = np.random.default_rng(31)
    x = np.array([1, 2, 3]) * rng.uniform(0.7, 1.3, (800, 1))
    rows = itself(x + rng.normal(0, 0.1, x.shape))
    model = dense(3, (3,), 3, output)
    return ready(model, rows, "mse", optimizers.Adadelta(1.0), 12, 8, ERROR)


@faulty(
    "identity-of-values-near-one",
    RAW,
    ("unscaled-target", LOW, *IDLE),
    note="84 values of 1.109, give or take a thousandth (Stack Overflow)",
    scaled=False,
    twin="identity-of-standard-values",
)
@healthy("identity-of-standard-values", scaled=True)
def identity(scaled: bool) -> Setup:
    x = np.random.default_rng(32).normal(1.1090579, 0.0012380764, (2000, 84))
    rows = itself(data.standard(x) if scaled else x)
    optimizer = optimizers.Adam(0.003)
    return ready(dense(84, (), 84), rows, "mse", optimizer, 18, metrics=ERROR)


@faulty(
    "clothes-code-adadelta-of-today",
    LOW,
    IDLE,
    note="a tutorial's Adadelta, whose rate was once 1 and is now 0.001",
    rate=0.001,
    twin="clothes-code-adadelta-of-then",
)
@healthy("clothes-code-adadelta-of-then", rate=1.0)
def clothes_code(rate: float) -> Setup:
    (x, _), (xv, _) = data.fashion(2000, flat=True)
    model, optimizer = dense(784, (32,), 784, "sigmoid"), optimizers.Adadelta(rate)
    return ready(model, ((x, x), (xv, xv)), BINARY, optimizer, 12, metrics=ERROR)


class Draw(layers.Layer):
    """Draws codes around means, and adds how far they are from normal ones."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight
        self.noise = keras.random.SeedGenerator(33)

    def call(self, inputs: Any) -> Any:
        mean, log_variance = inputs
        far = ops.exp(log_variance) + ops.square(mean) - 1 - log_variance
        self.add_loss(self.weight * ops.mean(ops.sum(far, -1)) / 2)
        noise = keras.random.normal(ops.shape(mean), seed=self.noise)
        return mean + ops.exp(log_variance / 2) * noise


@faulty(
    "variational-heads-of-relu",
    HIDDEN,
    (DEAD, *IDLE),
    note="mean and log of variance are never below 0, so noise is never below 1 "
    "(Stack Overflow 79505737)",
    head="relu",
    twin="variational-heads-linear",
)
@healthy("variational-heads-linear", head=None)
def variational(head: Any) -> Setup:
    (x, _), (xv, _) = data.digits()
    inputs = keras.Input((64,))
    hidden = layers.Dense(50, "relu")(inputs)
    code = Draw(1e-4)([layers.Dense(10, head)(hidden) for _ in range(2)])
    outputs = layers.Dense(50, "relu")(code)
    outputs = layers.Dense(64, "sigmoid")(outputs)
    model, optimizer = keras.Model(inputs, outputs), optimizers.Adam(0.003)
    return ready(model, ((x, x), (xv, xv)), "mse", optimizer, 20, metrics=ERROR)


# Pictures


@functools.cache
def patches() -> data.Split:
    """Patches of 16 times 16, and how much of their noise was smoothed away."""
    rng = np.random.default_rng(34)
    noise, y = rng.random((900, 16, 16)), rng.uniform(0, 1, 900)
    smooth = sum(np.roll(noise, (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1))
    share = y[:, None, None]
    x = (1 - share) * noise + share * smooth / 9
    return data.split(x[..., None].astype("float32"), y[:, None].astype("float32"))


@faulty(
    "patches-l2-of-a-half",
    TIGHT,
    (DEAD, "vanishing-gradient", *IDLE),
    note="L2 of 0.5 and dropout of 0.7, twice; one answer for all patches "
    "(Keras issues 2134 and 2139)",
    penalty=0.5,
    dropout=0.7,
    twin="patches-l2-of-little",
)
@healthy("patches-l2-of-little", penalty=1e-4, dropout=0.2)
def smoothed(penalty: float, dropout: float) -> Setup:
    model = chain(
        (16, 16, 1),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
    )
    for _ in range(2):
        penalised = regularizers.L2(penalty)
        model.add(layers.Dense(64, "relu", kernel_regularizer=penalised))
        model.add(layers.Dropout(dropout))
    model.add(layers.Dense(1))
    optimizer = optimizers.SGD(0.01, momentum=0.9, nesterov=True, clipnorm=100)
    return ready(model, patches(), "mse", optimizer, 15, metrics=ERROR)


# Series


@functools.cache
def machines(n: int = 220, length: int = 100) -> data.Split:
    """Long series of four sensors, and a level that they drift to."""
    rng = np.random.default_rng(35)
    drift = rng.normal(0, 2, (n, 1, 4)) * np.linspace(0, 1, length)[:, None]
    x = drift + rng.normal(0, 0.5, (n, length, 4))
    y = drift[:, -1, :2].sum(1, keepdims=True) / 2.8
    return data.split(x.astype("float32"), y.astype("float32"))


@faulty(
    "machines-lstm-of-relu",
    (HIDDEN, EXPLODING),
    (NAN, "oscillating-loss"),
    note="two LSTM layers of ReLU with recurrent dropout: NaN, or a loss of hundreds "
    "(Keras issue 13221)",
    activation="relu",
    twin="machines-lstm-of-tanh",
)
@healthy("machines-lstm-of-tanh", activation="tanh")
def machine_levels(activation: str) -> Setup:
    model = chain(
        (100, 4),
        layers.LSTM(32, activation, recurrent_dropout=0.2, return_sequences=True),
        layers.LSTM(32, activation, recurrent_dropout=0.2),
        layers.Dense(1),
    )
    return ready(model, machines(), "mse", optimizers.Nadam(0.01), 4, metrics=ERROR)


@functools.cache
def stations(n: int = 700, length: int = 12) -> data.Split:
    """Windows of five series that share two waves, and the first series' next."""
    rng = np.random.default_rng(36)
    time = np.arange(n + length)[:, None]
    waves = np.sin(time / [6, 17]) @ rng.normal(size=(2, 5))
    series = data.standard(waves + rng.normal(0, 0.15, waves.shape))
    x = np.stack([series[i : i + length] for i in range(n)])
    return data.split(x, series[length:, :1])


@faulty(
    "stations-gaps-left-in",
    NAN,
    note="one value in a hundred is not there (Stack Overflow 52570199)",
    fill=np.nan,
    twin="stations-gaps-of-zero",
)
@healthy("stations-gaps-of-zero", fill=0.0)
def gaps(fill: float) -> Setup:
    rng = np.random.default_rng(37)
    missing = lambda x: np.where(rng.random(x.shape) < 0.01, fill, x)
    known = data.with_inputs(stations(), lambda x: missing(x).astype("float32"))
    model = chain((12, 5), layers.LSTM(24), layers.Dense(1))
    return ready(model, known, "mse", optimizers.Adam(0.005), 8, metrics=ERROR)


@faulty(
    "visits-lstm-learns-by-heart",
    LOOSE,
    note="held-out loss rises from the tenth epoch on (Data Science 43191)",
    rows=60,
    units=64,
    dropout=0.0,
    epochs=20,
    batch=6,
    twin="visits-smaller-lstm-more-rows",
)
@healthy(
    "visits-smaller-lstm-more-rows", rows=700, units=8, dropout=0.1, epochs=10, batch=20
)
def visits(rows: int, units: int, dropout: float, epochs: int, batch: int) -> Setup:
    rng = np.random.default_rng(38)
    x = rng.normal(size=(950, 10, 3)).astype("float32")
    y = x[:, -3:, 0].sum(1) + 0.5 * x[:, :, 1].mean(1) + rng.normal(0, 0.6, 950)
    y = y[:, None].astype("float32") / 2
    model = chain(
        (10, 3),
        layers.LSTM(units, return_sequences=True),
        layers.Dropout(dropout),
        layers.LSTM(units),
        layers.Dense(1),
    )
    some = (x[:rows], y[:rows]), (x[700:], y[700:])
    optimizer = optimizers.Adam(0.005)
    return ready(model, some, "mse", optimizer, epochs, batch, ERROR)


# Embeddings


@functools.cache
def likes() -> data.Split:
    """Numbers of users and items, and whether the one likes the other."""
    rng = np.random.default_rng(39)
    who, what = rng.integers(0, 80, 6000), rng.integers(0, 50, 6000)
    warmth, charm = rng.normal(0, 1.2, 80), rng.normal(0, 1.2, 50)
    side, kind = rng.choice([-1, 1], 80), rng.choice([-1, 1], 50)
    score = warmth[who] + charm[what] + 1.5 * side[who] * kind[what]
    pairs = np.stack([who, what], 1)
    (x, y), (xv, yv) = data.split(pairs, (score > 0).astype("float32")[:, None])
    return (list(x.T[..., None]), y), (list(xv.T[..., None]), yv)


@faulty(
    "likes-rate-decays-at-once",
    (LOW, WRONG),
    (DEAD, *IDLE),
    note="Adam with a decay of 0.9 a step, and ReLU before binary cross-entropy "
    "(Stack Overflow)",
    output="relu",
    decay=0.9,
    twin="likes-sigmoid-steady-rate",
)
@healthy("likes-sigmoid-steady-rate", output="sigmoid", decay=None)
def liked(output: str, decay: float | None) -> Setup:
    inputs = [keras.Input((1,), dtype="int32") for _ in range(2)]
    parts = []
    for number, size in zip(inputs, (80, 50), strict=True):
        small = regularizers.L2(1e-6)
        row = layers.Embedding(size, 16, "he_normal", embeddings_regularizer=small)
        parts.append(layers.Dropout(0.3)(layers.Flatten()(row(number))))
    hidden = layers.Dense(50, "relu")(layers.Concatenate()(parts))
    outputs = layers.Dense(1, output)(layers.Dropout(0.4)(hidden))
    rate = 1e-3
    if decay is not None:
        rate = optimizers.schedules.InverseTimeDecay(1e-3, 1, decay)
    model, optimizer = keras.Model(inputs, outputs), optimizers.Adam(rate)
    metrics = ("binary_accuracy",)
    return ready(model, likes(), BINARY, optimizer, 10, metrics=metrics)
