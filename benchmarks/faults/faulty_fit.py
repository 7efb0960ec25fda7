"""Nets held too tight, or not at all."""

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
regularizers = keras.regularizers
TIGHT, LOOSE = "over-regularized", "overfitting"
FADES = ("vanishing-gradient", "not-learning", "dead-units", "learning-rate-too-low")


@faulty(
    "tight-digits-l2-1",
    TIGHT,
    FADES,
    make=lambda: regularizers.L2(1.0),
    twin="digits-fair-l2",
)
@faulty(
    "tight-digits-l2-0.1",
    TIGHT,
    FADES,
    make=lambda: regularizers.L2(0.1),
    twin="digits-fair-l2",
)
@faulty(
    "tight-digits-l1-0.1",
    TIGHT,
    FADES,
    make=lambda: regularizers.L1(0.1),
    twin="digits-fair-l2",
)
@healthy("digits-fair-l2", make=lambda: regularizers.L2(1e-3))
def penalty(make: Any) -> Setup:
    model = dense(64, (48, 32), 10, "softmax", kernel_regularizer=make())
    return ready(model, data.digits(), SPARSE, optimizers.Adam(2e-3), 10)


@faulty(
    "tight-curve-l2-1",
    TIGHT,
    FADES,
    make=lambda: regularizers.L2(1.0),
    twin="curve-mse",
)
@faulty(
    "tight-curve-l1-0.3",
    TIGHT,
    FADES,
    make=lambda: regularizers.L1(0.3),
    twin="curve-mse",
)
def penalty_curve(make: Any) -> Setup:
    model = dense(6, (32, 32), 1, kernel_regularizer=make())
    optimizer = optimizers.Adam(3e-3)
    return ready(model, data.curve(), "mse", optimizer, 20, metrics=("mae",))


@faulty(
    "tight-digits-dropout-0.9",
    TIGHT,
    ("not-learning",),
    rate=0.9,
    twin="digits-dropout-0.3",
)
@healthy("digits-dropout-0.3", rate=0.3)
def dropout(rate: float, width: int = 48) -> Setup:
    model = chain(
        (64,),
        layers.Dropout(rate),
        layers.Dense(width, "relu"),
        layers.Dropout(rate),
        layers.Dense(width, "relu"),
        layers.Dropout(rate),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.digits(), SPARSE, epochs=15)


@faulty("tight-fashion-dropout-0.9", TIGHT, ("not-learning",), twin="fashion-small-cnn")
def dropout_cnn() -> Setup:
    model = chain(
        (28, 28, 1),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.Dropout(0.9),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.Dropout(0.9),
        layers.Flatten(),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.fashion(), SPARSE, epochs=5)


@faulty(
    "loose-fashion-60-images", LOOSE, n=60, epochs=60, twin="fashion-two-layers-sgd"
)
def few_images(n: int, epochs: int) -> Setup:
    (x, y), held_out = data.fashion(flat=True)
    model = dense(784, (256, 256), 10, "softmax")
    few = (x[:n], y[:n]), held_out
    return ready(model, few, SPARSE, optimizers.Adam(1e-3), epochs, 16)


@faulty("loose-noisy-labels", LOOSE, ("wrong-labels",), twin="noisy-labels-30")
def noisy() -> Setup:
    (x, y), held_out = data.noisy(features=20)
    model = dense(20, (128, 128), 1, "sigmoid")
    few = (x[:200], y[:200]), held_out
    return ready(model, few, BINARY, optimizers.Adam(2e-3), 40, 16)


@faulty("loose-curve-few", LOOSE, twin="curve-mse")
def few_points() -> Setup:
    (x, y), held_out = data.curve(features=20, noise=0.5)
    model = dense(20, (128, 128), 1)
    few = (x[:40], y[:40]), held_out
    return ready(model, few, "mse", optimizers.Adam(1e-3), 60, 8, metrics=("mae",))


@faulty("loose-diabetes-large-net", LOOSE, twin="diabetes-standard")
def diabetes() -> Setup:
    (x, y), held_out = data.table("diabetes", "standard", "standard")
    model = dense(10, (128, 128, 64), 1)
    few = (x[:120], y[:120]), held_out
    return ready(model, few, "mse", optimizers.Adam(1e-3), 60, 16, metrics=("mae",))
