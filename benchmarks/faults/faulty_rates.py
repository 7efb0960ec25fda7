"""Faults of the learning rate, with what it works together with."""

from __future__ import annotations

from typing import Any

import keras

from faults import data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.case import faulty
from faults.case import healthy

layers = keras.layers
optimizers = keras.optimizers
schedules = keras.optimizers.schedules
LOW, HIGH = "learning-rate-too-low", "learning-rate-too-high"
IDLE = ("not-learning",)
# What a rate far too high does to a net.
WRECK = (
    "dead-units",
    "exploding-gradient",
    "nan-loss",
    "not-learning",
    "oscillating-loss",
    "saturated-activation",
    "vanishing-gradient",
)


@faulty(
    "rate-digits-adam-1e-7",
    LOW,
    IDLE,
    make=lambda: optimizers.Adam(1e-7),
    twin="digits-adam",
)
@faulty(
    "rate-digits-sgd-1e-5",
    LOW,
    IDLE,
    make=lambda: optimizers.SGD(1e-5),
    twin="digits-adam",
)
@faulty(
    "rate-digits-adadelta-default",
    LOW,
    IDLE,
    make=lambda: optimizers.Adadelta(),
    note="the default of 0.001 of Keras is a thousandth of what Adadelta is made for",
    twin="digits-adam",
)
@faulty(
    "rate-digits-adagrad-1e-5",
    LOW,
    IDLE,
    make=lambda: optimizers.Adagrad(1e-5),
    twin="digits-adam",
)
@faulty(
    "rate-digits-decays-at-once",
    LOW,
    IDLE,
    make=lambda: optimizers.SGD(schedules.ExponentialDecay(0.1, 2, 0.5)),
    note="halved every second step instead of every second epoch",
    twin="digits-adam",
)
@faulty(
    "rate-digits-clipped-to-nothing",
    LOW,
    IDLE,
    make=lambda: optimizers.SGD(0.05, clipnorm=1e-4),
    note="each gradient is cut to a norm of 1e-4",
    twin="digits-adam",
)
@faulty(
    "rate-digits-adam-0.5",
    HIGH,
    WRECK,
    make=lambda: optimizers.Adam(0.5),
    twin="digits-adam",
)
@faulty(
    "rate-digits-sgd-20",
    HIGH,
    WRECK,
    make=lambda: optimizers.SGD(20.0),
    twin="digits-adam",
)
@faulty(
    "rate-digits-rmsprop-0.3",
    HIGH,
    WRECK,
    make=lambda: optimizers.RMSprop(0.3),
    twin="digits-adam",
)
@faulty(
    "rate-digits-momentum-0.99",
    HIGH,
    WRECK,
    make=lambda: optimizers.SGD(0.3, momentum=0.99),
    twin="digits-adam",
)
def digits(make: Any) -> Setup:
    return ready(
        dense(64, (48, 32), 10, "softmax"), data.digits(), SPARSE, make(), epochs=8
    )


@faulty("rate-fashion-adam-0.1", HIGH, WRECK, rate=0.1, twin="fashion-small-cnn")
@healthy("fashion-small-cnn", rate=2e-3)
def small_cnn(rate: float, batch: int = 32, epochs: int = 4) -> Setup:
    model = chain(
        (28, 28, 1),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, "relu"),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.fashion(), SPARSE, optimizers.Adam(rate), epochs, batch)


@faulty(
    "rate-moons-tanh-sgd-1e-4",
    LOW,
    IDLE,
    make=lambda: optimizers.SGD(1e-4),
    twin="moons-tanh-deep",
)
@faulty(
    "rate-moons-tanh-adam-2",
    HIGH,
    WRECK,
    make=lambda: optimizers.Adam(2.0),
    twin="moons-tanh-deep",
)
@healthy("moons-tanh-deep", make=lambda: optimizers.Adam(0.01))
def moons(make: Any) -> Setup:
    model = dense(2, (16, 16, 16), 1, "sigmoid", "tanh")
    return ready(model, data.plane("moons"), BINARY, make(), 12)


@faulty(
    "rate-line-sgd-1e-5", LOW, IDLE, make=lambda: optimizers.SGD(1e-5), twin="line-sgd"
)
@faulty(
    "rate-line-sgd-2", HIGH, WRECK, make=lambda: optimizers.SGD(2.0), twin="line-sgd"
)
def line(make: Any) -> Setup:
    return ready(dense(4, (), 1), data.line(), "mse", make(), 15, metrics=("mae",))


@faulty(
    "rate-curve-rmsprop-1e-7",
    LOW,
    IDLE,
    make=lambda: optimizers.RMSprop(1e-7),
    twin="curve-standard-target",
)
@faulty(
    "rate-curve-sgd-1",
    HIGH,
    WRECK,
    make=lambda: optimizers.SGD(1.5),
    twin="curve-standard-target",
)
@faulty(
    "rate-curve-ascent",
    HIGH,
    WRECK,
    make=lambda: optimizers.SGD(-0.05),
    twin="curve-standard-target",
)
def curve(make: Any) -> Setup:
    model = dense(6, (32, 32), 1)
    return ready(model, data.curve(), "mse", make(), 15, metrics=("mae",))


@faulty(
    "rate-waves-lstm-sgd-1e-4",
    LOW,
    IDLE,
    make=lambda: optimizers.SGD(1e-4),
    twin="waves-lstm",
)
@faulty(
    "rate-waves-lstm-adam-1",
    HIGH,
    WRECK,
    make=lambda: optimizers.Adam(1.0),
    twin="waves-lstm",
)
def waves(make: Any) -> Setup:
    model = chain((24, 1), layers.LSTM(16), layers.Dense(1))
    return ready(model, data.waves(), "mse", make(), 10, metrics=("mae",))


@faulty("rate-words-adam-1", HIGH, WRECK, rate=1.0, twin="words-lstm")
def words(rate: float) -> Setup:
    model = chain(
        (20,), layers.Embedding(100, 12), layers.GRU(12), layers.Dense(1, "sigmoid")
    )
    return ready(model, data.tokens(), BINARY, optimizers.Adam(rate), 8)
