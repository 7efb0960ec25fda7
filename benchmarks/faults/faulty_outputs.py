"""Last layer, loss and labels that do not belong together."""

from __future__ import annotations

from typing import Any

import keras

from faults import data
from faults.build import BINARY
from faults.build import ONE_HOT
from faults.build import SPARSE
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.case import faulty
from faults.case import healthy

losses = keras.losses
optimizers = keras.optimizers
WRONG = "output-loss-mismatch"
IDLE = ("not-learning",)
STUCK = ("not-learning", "vanishing-gradient", "dead-units", "nan-loss")


def moons(output: Any, loss: Any, outputs: int = 1, change: Any = None) -> Setup:
    points = data.plane("moons")
    if change is not None:
        points = data.with_targets(points, change)
    loss = loss() if isinstance(loss, type(moons)) else loss
    model = dense(2, (16, 16), outputs, output)
    return ready(model, points, loss, optimizers.Adam(0.01), 10)


@faulty(
    "output-moons-softmax-1-bce",
    WRONG,
    IDLE,
    output="softmax",
    loss=BINARY,
    twin="moons-relu",
)
@faulty(
    "output-moons-softmax-1-mse",
    WRONG,
    STUCK,
    output="softmax",
    loss="mse",
    twin="moons-relu",
)
@faulty(
    "output-moons-minus-one-labels",
    (WRONG, "wrong-labels"),
    ("not-learning", "saturated-activation"),
    note="labels of -1 and 1 for a sigmoid with binary cross-entropy",
    output="sigmoid",
    loss=BINARY,
    change=lambda y: 2 * y - 1,
    twin="moons-relu",
)
@faulty(
    "output-moons-one-unit-categorical",
    WRONG,
    STUCK,
    note="categorical cross-entropy of one unit is 0",
    output="sigmoid",
    loss=ONE_HOT,
    change=lambda y: y[:, None].astype("float32"),
    twin="moons-relu",
)
@healthy("moons-relu", output="sigmoid", loss=BINARY)
def on_moons(output: Any, loss: Any, change: Any = None) -> Setup:
    return moons(output, loss, change=change)


def digits(output: Any, loss: Any, make: Any = None, encoded: bool = True) -> Setup:
    digits = data.one_hot(data.digits(), 10) if encoded else data.digits()
    model = dense(64, (48, 32), 10, output)
    optimizer = make() if make else optimizers.Adam(1e-3)
    return ready(model, digits, loss, optimizer, 10)


@faulty(
    "output-digits-relu-mse",
    WRONG,
    STUCK,
    output="relu",
    loss="mse",
    twin="digits-one-hot",
)
@faulty(
    "output-digits-relu-cross-entropy",
    WRONG,
    STUCK,
    output="relu",
    loss=ONE_HOT,
    twin="digits-one-hot",
)
@faulty(
    "output-digits-linear-cross-entropy",
    WRONG,
    STUCK,
    output=None,
    loss=ONE_HOT,
    twin="digits-one-hot",
)
@faulty(
    "output-digits-softmax-mae",
    WRONG,
    STUCK,
    output="softmax",
    loss="mae",
    twin="digits-one-hot",
)
@faulty(
    "output-digits-linear-sparse",
    WRONG,
    STUCK,
    output=None,
    loss=SPARSE,
    encoded=False,
    twin="digits-one-hot",
)
@faulty(
    "output-digits-softmax-sgd-mse",
    WRONG,
    ("not-learning", "learning-rate-too-low"),
    output="softmax",
    loss="mse",
    make=lambda: optimizers.SGD(0.01),
    twin="digits-one-hot",
)
def on_digits(output: Any, loss: Any, make: Any = None, encoded: bool = True) -> Setup:
    return digits(output, loss, make, encoded)


@faulty(
    "output-digits-class-as-number-sigmoid",
    WRONG,
    ("not-learning", "saturated-activation", "vanishing-gradient", "unscaled-target"),
    output="sigmoid",
    loss="mse",
    note="the class number 0..9 as target of one sigmoid",
    twin="digits-adam",
)
@faulty(
    "output-digits-class-as-number-bce",
    WRONG,
    ("not-learning", "saturated-activation", "wrong-labels"),
    output="sigmoid",
    loss=BINARY,
    twin="digits-adam",
)
def class_as_number(output: str, loss: str) -> Setup:
    numbers = data.with_targets(data.digits(), lambda y: y[:, None].astype("float32"))
    return ready(dense(64, (48, 32), 1, output), numbers, loss, epochs=10)


@faulty(
    "output-iris-one-sigmoid",
    (WRONG, "wrong-labels"),
    ("not-learning", "saturated-activation"),
    note="three classes, one sigmoid and binary cross-entropy",
    outputs=1,
    output="sigmoid",
    loss=BINARY,
    twin="iris-standard",
)
@faulty(
    "output-iris-relu-mse",
    WRONG,
    STUCK,
    outputs=3,
    output="relu",
    loss="mae",
    twin="iris-standard",
)
def on_iris(outputs: int, output: str, loss: str) -> Setup:
    iris = data.table("iris")
    iris = data.one_hot(iris, 3) if outputs == 3 else iris
    model = dense(4, (10,), outputs, output)
    return ready(model, iris, loss, optimizers.Adam(0.01), 25, 8)


@faulty(
    "output-diabetes-sigmoid-raw",
    (WRONG, "unscaled-target"),
    ("saturated-activation", "vanishing-gradient", "not-learning"),
    output="sigmoid",
    target=None,
    twin="diabetes-standard",
)
@faulty(
    "output-diabetes-softmax",
    WRONG,
    ("vanishing-gradient", "not-learning"),
    output="softmax",
    target="standard",
    twin="diabetes-standard",
)
@faulty(
    "output-diabetes-sigmoid-standard",
    WRONG,
    ("saturated-activation", "vanishing-gradient", "not-learning"),
    output="sigmoid",
    target="standard",
    note="half of the targets are below 0, where a sigmoid never goes",
    twin="diabetes-standard",
)
@faulty(
    "output-diabetes-relu-standard",
    WRONG,
    ("dead-units", "not-learning"),
    output="relu",
    target="standard",
    note="half of the targets are below 0, where a ReLU never goes",
    twin="diabetes-standard",
)
@faulty(
    "output-diabetes-tanh-raw",
    (WRONG, "unscaled-target"),
    ("saturated-activation", "vanishing-gradient", "not-learning"),
    output="tanh",
    target=None,
    twin="diabetes-standard",
)
def on_diabetes(output: str, target: str | None) -> Setup:
    table = data.table("diabetes", "standard", target)
    model = dense(10, (16, 16), 1, output)
    return ready(model, table, "mse", optimizers.Adam(5e-3), 20, metrics=("mae",))


@faulty(
    "output-diabetes-cross-entropy",
    WRONG,
    ("nan-loss", "not-learning", "vanishing-gradient"),
    twin="diabetes-unit-linear",
)
def regression_with_cross_entropy() -> Setup:
    table = data.table("diabetes", "standard", "unit")
    model = dense(10, (16,), 1)
    return ready(model, table, ONE_HOT, optimizers.Adam(5e-3), 20, metrics=("mae",))


@faulty(
    "output-noisy-relu-bce",
    WRONG,
    STUCK,
    output="relu",
    loss=BINARY,
    twin="noisy-labels-10",
)
@faulty(
    "output-noisy-linear-bce",
    WRONG,
    STUCK,
    output=None,
    loss=BINARY,
    twin="noisy-labels-10",
)
@faulty(
    "output-noisy-two-linear-categorical",
    WRONG,
    STUCK,
    output=None,
    outputs=2,
    loss=ONE_HOT,
    twin="noisy-labels-10",
)
@healthy("noisy-labels-10", output="sigmoid", loss=BINARY)
def on_noisy(output: Any, loss: str, outputs: int = 1) -> Setup:
    noisy = data.noisy(share=0.1)
    noisy = data.one_hot(noisy, 2) if outputs == 2 else noisy
    model = dense(10, (16, 16), outputs, output)
    return ready(model, noisy, loss, optimizers.Adam(3e-3), 15)
