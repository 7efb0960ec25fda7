"""Inputs and targets in the wrong units, labels that mean nothing."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

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
RAW, TARGET, LABELS = "unnormalized-input", "unscaled-target", "wrong-labels"
UPSET = (
    "dead-units",
    "exploding-gradient",
    "learning-rate-too-high",
    "nan-loss",
    "not-learning",
    "oscillating-loss",
    "saturated-activation",
    "vanishing-gradient",
)
IDLE = ("not-learning",)


@faulty(
    "input-fashion-raw-sgd",
    RAW,
    UPSET,
    make=lambda: optimizers.SGD(0.05),
    twin="fashion-two-layers-sgd",
)
@faulty(
    "input-fashion-raw-sigmoid",
    RAW,
    UPSET,
    make=lambda: optimizers.Adam(1e-3),
    activation="sigmoid",
    twin="fashion-two-layers-sgd",
)
@faulty(
    "input-fashion-raw-tanh",
    RAW,
    UPSET,
    make=lambda: optimizers.SGD(0.1),
    activation="tanh",
    twin="fashion-two-layers-sgd",
)
@faulty(
    "input-fashion-raw-adam",
    RAW,
    UPSET,
    make=lambda: optimizers.Adam(3e-3),
    twin="fashion-two-layers-sgd",
)
@faulty(
    "input-fashion-scaled-twice",
    RAW,
    ("learning-rate-too-low", "vanishing-gradient", "not-learning"),
    scale=255.0**2,
    make=lambda: optimizers.SGD(0.05),
    note="divided by 255 twice",
    twin="fashion-two-layers-sgd",
)
@healthy("fashion-two-layers-sgd", scale=255.0, make=lambda: optimizers.SGD(0.1))
def fashion(make: Any, scale: float = 1.0, activation: str = "relu") -> Setup:
    model = dense(784, (64, 32), 10, "softmax", activation)
    return ready(model, data.fashion(flat=True, scale=scale), SPARSE, make(), 5)


@faulty("input-fashion-raw-cnn", RAW, UPSET, scale=1.0, twin="fashion-small-cnn")
def fashion_cnn(scale: float) -> Setup:
    model = chain(
        (28, 28, 1),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(10, "softmax"),
    )
    optimizer = optimizers.SGD(0.02, momentum=0.9)
    return ready(model, data.fashion(scale=scale), SPARSE, optimizer, 4)


@faulty(
    "input-wine-raw",
    RAW,
    UPSET,
    name="wine",
    outputs=3,
    make=lambda: optimizers.SGD(0.01),
    twin="wine-standard",
)
@faulty(
    "input-cancer-raw-sgd",
    RAW,
    UPSET,
    name="cancer",
    outputs=1,
    make=lambda: optimizers.SGD(0.01),
    twin="cancer-sigmoid",
)
@faulty(
    "input-cancer-raw-tanh",
    RAW,
    UPSET,
    name="cancer",
    outputs=1,
    activation="tanh",
    twin="cancer-sigmoid",
)
@healthy("wine-standard", name="wine", outputs=3, scale="standard")
def tables(
    name: str,
    outputs: int,
    make: Any = None,
    activation: str = "relu",
    scale: str | None = None,
) -> Setup:
    table = data.table(name, scale)
    output = "sigmoid" if outputs == 1 else "softmax"
    model = dense(table[0][0].shape[1], (16, 16), outputs, output, activation)
    loss = BINARY if outputs == 1 else SPARSE
    optimizer = make() if make else optimizers.Adam(5e-3)
    return ready(model, table, loss, optimizer, 20)


@faulty(
    "input-curve-one-huge-column", RAW, UPSET, size=1e4, twin="curve-standard-target"
)
@faulty(
    "input-curve-year-like",
    RAW,
    UPSET,
    size=1.0,
    shift=2000.0,
    twin="curve-standard-target",
)
@healthy("curve-unequal-columns", size=4.0, note="one column four times the others")
def columns(size: float, shift: float = 0.0) -> Setup:
    def change(x: Any) -> Any:
        x = x.copy()
        x[:, 5] = x[:, 5] * size + shift
        return x

    table = data.with_inputs(data.curve(), change)
    model = dense(6, (32, 32), 1)
    return ready(model, table, "mse", optimizers.Adam(3e-3), 25, metrics=("mae",))


@faulty(
    "input-waves-lstm-raw",
    RAW,
    (*UPSET, TARGET),
    note="a series of thousands into an LSTM, raw targets as well",
    twin="waves-lstm",
)
def raw_series() -> Setup:
    (x, y), (xv, yv) = data.waves()
    big = lambda a: 5000 * a + 20000
    model = chain((24, 1), layers.LSTM(16), layers.Dense(1))
    series = (big(x), big(y)), (big(xv), big(yv))
    return ready(model, series, "mse", "adam", 8, metrics=("mae",))


@faulty(
    "target-curve-prices",
    TARGET,
    ("learning-rate-too-low", "exploding-gradient", "not-learning"),
    factor=5e4,
    shift=2e5,
    make=lambda: optimizers.Adam(1e-3),
    twin="curve-standard-target",
)
@faulty(
    "target-curve-prices-sgd",
    TARGET,
    ("learning-rate-too-high", "exploding-gradient", "nan-loss"),
    factor=5e4,
    shift=2e5,
    make=lambda: optimizers.SGD(0.01),
    twin="curve-standard-target",
)
@faulty(
    "target-curve-thousands",
    TARGET,
    ("learning-rate-too-low", "exploding-gradient", "not-learning"),
    factor=1e3,
    make=lambda: optimizers.Adam(1e-3),
    twin="curve-standard-target",
)
@faulty(
    "target-curve-thousands-mae",
    TARGET,
    ("learning-rate-too-low", "not-learning"),
    factor=1e3,
    make=lambda: optimizers.Adam(1e-3),
    loss="mae",
    twin="curve-standard-target",
)
@faulty(
    "target-curve-hundreds-rmsprop",
    TARGET,
    ("learning-rate-too-low", "exploding-gradient", "not-learning"),
    factor=300.0,
    shift=1000.0,
    make=lambda: optimizers.RMSprop(1e-3),
    twin="curve-standard-target",
)
@healthy("curve-standard-target", factor=1.0, make=lambda: optimizers.Adam(1e-3))
def prices(factor: float, make: Any, shift: float = 0.0, loss: str = "mse") -> Setup:
    scaled = data.with_targets(data.curve(), lambda y: factor * y + shift)
    return ready(dense(6, (32, 32), 1), scaled, loss, make(), 20, metrics=("mae",))


@faulty(
    "target-diabetes-raw-both",
    (RAW, TARGET),
    (*UPSET, "learning-rate-too-low"),
    note="features and target in their raw units, with plain SGD",
    twin="diabetes-standard",
)
def raw_both() -> Setup:
    model = dense(10, (16, 16), 1)
    table = data.table("diabetes", None, None)
    return ready(model, table, "mse", optimizers.SGD(0.01), 20, metrics=("mae",))


def _spoilt(share: float, value: float) -> Any:
    def change(a: Any) -> Any:
        a = np.array(a, "float32")
        rng = np.random.default_rng(4)
        a[rng.random(a.shape) < share] = value
        return a

    return change


@faulty(
    "nan-inputs",
    "nan-loss",
    ("unnormalized-input",),
    where="x",
    share=0.002,
    twin="curve-standard-target",
)
@faulty(
    "nan-targets",
    "nan-loss",
    ("wrong-labels",),
    where="y",
    share=0.01,
    twin="curve-standard-target",
)
def missing(where: str, share: float) -> Setup:
    change = _spoilt(share, np.nan)
    spoil = data.with_inputs if where == "x" else data.with_targets
    model = dense(6, (32, 32), 1)
    table = spoil(data.curve(), change)
    return ready(model, table, "mse", optimizers.Adam(3e-3), 15, metrics=("mae",))


@faulty(
    "nan-log-of-negative",
    ("nan-loss", "output-loss-mismatch"),
    note="a loss of our own takes the logarithm of a linear output",
    twin="curve-standard-target",
)
def log_of_negative() -> Setup:
    def loss(target: Any, forecast: Any) -> Any:
        return keras.ops.mean(
            keras.ops.square(keras.ops.log(forecast) - target), axis=-1
        )

    model = dense(6, (16, 16), 1, activation="tanh")
    optimizer = optimizers.Adam(3e-3)
    return ready(model, data.curve(), loss, optimizer, 10, metrics=("mae",))


@faulty(
    "nan-division-by-spread",
    "nan-loss",
    ("unnormalized-input",),
    note="columns that never change, divided by a deviation of 0",
    twin="digits-adam",
)
def division_by_zero() -> Setup:
    (x, y), (xv, yv) = data.digits()
    with np.errstate(all="ignore"):
        scaled = lambda a: ((a - x.mean(0)) / x.std(0)).astype("float32")
        pixels = (scaled(x), y), (scaled(xv), yv)
    return ready(dense(64, (32,), 10, "softmax"), pixels, SPARSE, "adam", 5)


def _shuffled(y: Any) -> Any:
    return np.random.default_rng(5).permutation(y)


@faulty(
    "labels-digits-shuffled",
    LABELS,
    ("not-learning", "overfitting"),
    twin="digits-adam",
)
def digits_shuffled() -> Setup:
    (x, y), held_out = data.digits()
    model = dense(64, (48, 32), 10, "softmax")
    return ready(model, ((x, _shuffled(y)), held_out), SPARSE, epochs=12)


@faulty(
    "labels-fashion-shuffled",
    LABELS,
    ("not-learning", "overfitting"),
    twin="fashion-small-cnn",
)
def fashion_shuffled() -> Setup:
    (x, y), held_out = data.fashion()
    model = chain(
        (28, 28, 1),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(10, "softmax"),
    )
    return ready(model, ((x, _shuffled(y)), held_out), SPARSE, epochs=4)


@faulty(
    "labels-blobs-shuffled", LABELS, ("not-learning", "overfitting"), twin="blobs-tanh"
)
def blobs_shuffled() -> Setup:
    blobs = data.with_targets(data.plane("blobs"), _shuffled)
    model = dense(2, (16, 16), 3, "softmax")
    return ready(model, blobs, SPARSE, optimizers.Adam(5e-3), 25)


@faulty(
    "labels-curve-shuffled",
    LABELS,
    ("not-learning", "overfitting"),
    twin="curve-standard-target",
)
def curve_shuffled() -> Setup:
    curve = data.with_targets(data.curve(), _shuffled)
    model = dense(6, (32, 32), 1)
    return ready(model, curve, "mse", optimizers.Adam(3e-3), 25, metrics=("mae",))


@faulty(
    "labels-digits-one-class",
    LABELS,
    ("overfitting", "not-learning", "saturated-activation"),
    note="the training data hold a single class",
    twin="digits-adam",
)
def one_class() -> Setup:
    (x, y), held_out = data.digits()
    only = x[y == 3], y[y == 3]
    model = dense(64, (48, 32), 10, "softmax")
    return ready(model, (only, held_out), SPARSE, epochs=40)


@faulty(
    "labels-cancer-constant",
    LABELS,
    ("overfitting", "not-learning", "saturated-activation"),
    note="a slip made every label 0",
    twin="cancer-sigmoid",
)
def constant_labels() -> Setup:
    (x, y), held_out = data.table("cancer")
    model = dense(30, (16,), 1, "sigmoid")
    return ready(model, ((x, 0 * y), held_out), BINARY, epochs=20)


@healthy("digits-classes-renamed", note="which number stands for a class is no matter")
def renamed() -> Setup:
    names = np.random.default_rng(6).permutation(10).astype("int32")
    digits = data.with_targets(data.digits(), lambda y: names[y])
    return ready(dense(64, (48, 32), 10, "softmax"), digits, SPARSE, epochs=8)
