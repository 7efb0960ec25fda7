"""Posted because they did not learn: numbers, functions and linear models.

Each is what somebody asked about, made anew with data and code of our own, beside the
program as the answer had it.
"""

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
from faults.posted import HIGH
from faults.posted import IDLE
from faults.posted import INITIAL
from faults.posted import LABELS
from faults.posted import LOW
from faults.posted import NAN
from faults.posted import RAW
from faults.posted import SATURATED
from faults.posted import TARGET
from faults.posted import VANISHING
from faults.posted import WRONG
from faults.posted import faulty
from faults.posted import healthy

layers = keras.layers
initializers = keras.initializers
optimizers = keras.optimizers


def column(values: Any) -> Any:
    return np.asarray(values, "float32")[:, None]


def narrow(features: int, layout: list[tuple[int, Any]], seed: int) -> Any:
    """Returns layers of these units and activations; `seed` draws their kernels."""
    kernels = [initializers.GlorotUniform(seed + i) for i in range(len(layout))]
    parts = zip(layout, kernels, strict=True)
    return chain(
        (features,), *[layers.Dense(*p, kernel_initializer=k) for p, k in parts]
    )


# Functions of one number


@faulty(
    "fourth-power-to-a-hundred-million",
    (TARGET, RAW),
    (SATURATED, LOW, EXPLODING, *IDLE),
    note="x of -100 to 100 into sigmoid, x**4 out of it (Stack Overflow 52800582)",
    scaled=False,
    twin="fourth-power-scaled",
)
@healthy("fourth-power-scaled", scaled=True)
def fourth_power(scaled: bool) -> Setup:
    x = column(np.arange(-100, 100, 0.1))
    x, y = (data.standard(x), data.standard(x**4)) if scaled else (x, x**4)
    model = chain(
        (1,),
        layers.Dense(50, "sigmoid"),
        layers.Dense(50, "elu"),
        layers.Dense(1),
    )
    optimizer = optimizers.Adam(0.01)
    return ready(model, data.split(x, y), "mse", optimizer, 16, metrics=ERROR)


@faulty(
    "sine-of-a-thousand-steps",
    RAW,
    (SATURATED, *IDLE),
    note="steps of 0 to 999 into tanh (Stack Overflow 46995209)",
    scaled=False,
    twin="sine-of-scaled-steps",
)
@healthy("sine-of-scaled-steps", scaled=True)
def sine_of_steps(scaled: bool) -> Setup:
    step = np.arange(1000.0)
    x = (step - step.mean()) / step.std() if scaled else step
    points = data.split(column(x), column(np.sin(2 * np.pi * 2 * step / 1000)))
    model = dense(1, (30, 30, 30), 1, activation="tanh")
    return ready(model, points, "mse", optimizers.Adam(0.005), 16, 16, ERROR)


@faulty(
    "sine-kinks-in-one-place",
    INITIAL,
    IDLE,
    note="every ReLU of a shallow net bends at 0, for its bias starts there "
    "(Keras issue 20873)",
    bias="zeros",
    twin="sine-kinks-spread",
)
@healthy(
    "sine-kinks-spread",
    bias=lambda: initializers.RandomUniform(-1, 1),
)
def sine_of_kinks(bias: Any) -> Setup:
    x = np.linspace(-1, 1, 1000)
    hidden = layers.Dense(
        128,
        "relu",
        kernel_initializer=initializers.RandomUniform(-1, 1),
        bias_initializer=bias if isinstance(bias, str) else bias(),
    )
    points = data.split(column(x), column(np.sin(2 * np.pi * x)))
    model = chain((1,), hidden, layers.Dense(1))
    return ready(model, points, "mse", optimizers.Adam(0.003), 14, 16, ERROR)


@faulty(
    "parabola-of-straight-layers",
    HIDDEN,
    IDLE,
    note="two hidden layers without an activation; x in thousands here "
    "(Data Science 120459)",
    activation=None,
    twin="parabola-of-relu",
)
@healthy("parabola-of-relu", activation="relu")
def parabola(activation: Any) -> Setup:
    x = np.arange(-1, 1, 0.002)
    points = data.split(column(x), column(1.3 * x**2 + 0.053 * x + 0.04))
    model = dense(1, (64, 16), 1, "relu", activation)
    return ready(model, points, "mae", optimizers.Adam(0.01), 16, metrics=("mse",))


@faulty(
    "small-parabola-sgd-of-a-thousandth",
    LOW,
    IDLE,
    note="a straight line after a thousand steps (Cross Validated 280372)",
    optimizer=lambda: optimizers.SGD(0.001),
    twin="small-parabola-adam",
)
@healthy("small-parabola-adam", optimizer=lambda: optimizers.Adam(0.01))
def small_parabola(optimizer: Any) -> Setup:
    x = np.tile(np.arange(0, 1, 0.01), 50)
    points = (column(x), column((x - 0.5) ** 2)), (None, None)
    model = dense(1, (16, 16), 1)
    return ready(model, points, "mse", optimizer(), 20, 100, ERROR, validate=False)


@faulty(
    "squares-to-ten-thousand-two-lines",
    TARGET,
    (HIGH, EXPLODING, NAN),
    note="two linear layers of one unit diverge (Cross Validated 418955)",
    scaled=False,
    twin="squares-scaled-two-lines",
)
@healthy(
    "squares-scaled-two-lines",
    note="a line is all that it can be; the question was why it diverges",
    scaled=True,
)
def squares(scaled: bool) -> Setup:
    x = np.tile(np.arange(100.0), 10)  # fewer epochs
    y = x**2 + 3
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std() if scaled else y
    model = dense(1, (1,), 1, activation=None)
    points = data.split(column(x), column(y))
    return ready(model, points, "mse", "sgd", 15, metrics=ERROR)


# Straight lines


@faulty(
    "double-of-numbers-to-200",
    HIGH,
    (EXPLODING, NAN, RAW),
    note="one weight, SGD of 0.001, x of 0 to 199 (Keras issue 3040)",
    rate=1e-3,
    twin="double-of-numbers-slowly",
)
@healthy("double-of-numbers-slowly", rate=1e-5)
def doubled(rate: float) -> Setup:
    points = data.split(column(np.arange(200)), column(2 * np.arange(200)))
    model, optimizer = dense(1, (), 1), optimizers.SGD(rate)
    return ready(model, points, "mse", optimizer, 5, 1, ERROR)


@faulty(
    "televisions-as-they-are",
    RAW,
    (TARGET, HIGH, EXPLODING, NAN),
    note="people to a television beside years of life: NaN (Cross Validated 284189)",
    scaled=False,
    twin="televisions-standardised",
)
@healthy("televisions-standardised", scaled=True)
def televisions(scaled: bool) -> Setup:
    rng = np.random.default_rng(21)
    x = column(rng.gamma(0.7, 120, 80) + 1.3)
    y = 75 - 8 * (x / x.std()) + column(rng.normal(0, 3, 80))
    if scaled:
        x, y = data.standard(x), data.standard(y)
    model = dense(1, (), 1)
    split = data.split(x, y.astype("float32"))
    return ready(model, split, "mse", "sgd", 12, 1, ERROR, shuffle=False)


@faulty(
    "seven-points-all-relu",
    (DEAD, WRONG),
    IDLE,
    note="2x - 1 by ReLU of 4, 2 and 1 units, the last as well; loss mostly stays "
    "where it is (DeepLearning.AI forum 324182)",
    output="relu",
    twin="seven-points-linear-output",
)
@healthy("seven-points-linear-output", output=None)
def seven_points(output: Any) -> Setup:
    x = column(np.arange(-1, 6))
    points = (np.tile(x, (40, 1)), np.tile(2 * x - 1, (40, 1))), (None, None)
    model = narrow(1, [(4, "relu"), (2, "relu"), (1, output)], seed=15)
    optimizer = optimizers.Adam(0.01)
    return ready(model, points, "mse", optimizer, 15, 7, ERROR, validate=False)


# Gates and sums


@faulty(
    "exclusive-or-ends-in-relu",
    (DEAD, WRONG),
    (HIDDEN, *IDLE),
    note="two units without activation, two of ReLU, one of ReLU: 0 for all inputs "
    "(Cross Validated 433365)",
    repaired=False,
    twin="exclusive-or-ends-in-sigmoid",
)
@healthy("exclusive-or-ends-in-sigmoid", note="wider as well", repaired=True)
def exclusive_or(repaired: bool) -> Setup:
    bits = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (500, 1)).astype("float32")
    points = data.split(bits, column(bits[:, 0] != bits[:, 1]))
    if repaired:
        model = dense(2, (8, 8), 1, "sigmoid")
        return ready(model, points, BINARY, optimizers.SGD(0.1), 20)
    model = narrow(2, [(2, None), (2, "relu"), (1, "relu")], seed=1)
    return ready(model, points, "mse", "sgd", 20, metrics=("binary_accuracy",))


@faulty(
    "calculator-of-three-digits",
    (TARGET, RAW),
    (LOW, EXPLODING, *IDLE),
    note="sums and products of numbers to 1000, RMSprop (AI Stack Exchange 15409)",
    unit=1.0,
    twin="calculator-in-thousands",
)
@healthy("calculator-in-thousands", unit=1000.0)
def calculator(unit: float) -> Setup:
    rng = np.random.default_rng(22)
    a, b = rng.integers(0, 1000, (2, 3200)) / unit
    sign = rng.integers(0, 3, 3200)
    y = np.choose(sign, [a + b, a - b, a * b])
    x = np.column_stack([a, b, np.eye(3)[sign]]).astype("float32")
    model, optimizer = dense(5, (64, 64), 1), optimizers.RMSprop(0.001)
    return ready(model, data.split(x, column(y)), "mse", optimizer, 12, metrics=ERROR)


# Tables


@functools.cache
def prices() -> data.Split:
    """Standard features of houses, and their prices in thousands: 60 to 500."""
    rng = np.random.default_rng(23)
    x = rng.normal(size=(800, 8)).astype("float32")
    y = 200 * np.exp(0.3 * x[:, 0] + 0.15 * x[:, 1] - 0.1 * x[:, 2] * x[:, 3])
    return data.split(x, column(y + rng.normal(0, 10, 800)))


@faulty(
    "prices-binary-cross-entropy",
    WRONG,
    (TARGET, SATURATED),
    note="a price as if it were a yes: loss of minus thousands (Stack Overflow)",
    repaired=False,
    twin="prices-squared-error",
)
@healthy("prices-squared-error", repaired=True)
def house_prices(repaired: bool) -> Setup:
    model = dense(8, (32, 32), 1, None if repaired else "sigmoid")
    if not repaired:
        return ready(model, prices(), BINARY, "adam", 15, metrics=("accuracy", "mae"))
    scaled = data.with_targets(prices(), lambda y: (y - 215) / 75)
    return ready(model, scaled, "mse", "adam", 15, metrics=ERROR)


@functools.cache
def chances() -> data.Split:
    """Yes-or-no features, and how probable something is."""
    rng = np.random.default_rng(24)
    x = rng.integers(0, 2, (800, 12)).astype("float32")
    score = (x - 0.5) @ np.linspace(-1.5, 2, 12) + 2 * (x[:, 0] - 0.5) * x[:, 11]
    return data.split(x, column(1 / (1 + np.exp(-score))))


@faulty(
    "chances-softmax-of-one",
    WRONG,
    IDLE,
    note="to keep a regression in 0 to 1; loss never moves (Stack Overflow)",
    output="softmax",
    twin="chances-sigmoid",
)
@healthy("chances-sigmoid", output="sigmoid")
def chance_of(output: str) -> Setup:
    model = dense(12, (32,), 1, output)
    return ready(model, chances(), "mse", "adam", 20, metrics=ERROR)


@faulty(
    "bits-four-sigmoid-layers",
    VANISHING,
    (HIDDEN, SATURATED, *IDLE),
    note="bits to a number by four wide layers (AI Stack Exchange 16557)",
    activation="sigmoid",
    twin="bits-four-relu-layers",
)
@healthy("bits-four-relu-layers", activation="relu")
def bits(activation: str) -> Setup:
    rng = np.random.default_rng(25)
    x = rng.integers(0, 2, (1500, 20)).astype("float32")
    y = (x - 0.5) @ rng.normal(0, 0.4, 20) + (x[:, 0] == x[:, 1]) - 0.5
    model = dense(20, (100,) * 4, 1, activation=activation)
    optimizer = optimizers.SGD(0.01)
    return ready(model, data.split(x, column(y)), "mse", optimizer, 20, metrics=ERROR)


@faulty(
    "drives-root-of-nothing",
    NAN,
    note="the root in a distance has no slope at 0, which is where parked cars are "
    "(CSDN 106576818)",
    floor=0.0,
    twin="drives-root-with-floor",
)
@healthy("drives-root-with-floor", floor=1e-10)
def drives(floor: float) -> Setup:
    rng = np.random.default_rng(26)
    speed = rng.gamma(2, 0.5, 900) * (rng.random(900) > 0.1)
    angle = rng.uniform(-np.pi, np.pi, 900)
    y = speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    seen = y @ rng.normal(size=(2, 5)) + 0.3 * np.sign(y[:, :1]) * y[:, 1:] ** 2

    def distance(actual: Any, guess: Any) -> Any:
        return ops.mean(ops.sqrt(ops.sum(ops.square(actual - guess), -1) + floor))

    points = data.split(seen.astype("float32"), y.astype("float32"))
    return ready(dense(5, (32, 32), 2), points, distance, "adam", 15, metrics=ERROR)


def features_and_ink() -> data.Split:
    """What a fixed layer sees of small pictures, and how far up their ink is."""
    look = np.random.default_rng(27).normal(0, 0.25, (64, 100))
    heights = np.repeat(np.arange(8), 8)

    def part(pixels: Any) -> Any:
        height = pixels @ heights / pixels.sum(1)
        return np.maximum(pixels @ look, 0), column((height - 3.5) * 2)

    (x, _), (xv, _) = data.digits()
    return part(x), part(xv)


@faulty(
    "features-of-a-shuffling-generator",
    LABELS,
    ("not-learning", "overfitting"),
    note="features come in another order than the targets (Keras pull request 7520)",
    order=1,
    twin="features-in-order",
)
@healthy("features-in-order")
def features(order: int | None = None) -> Setup:
    (x, y), (xv, yv) = features_and_ink()
    if order is not None:
        rng = np.random.default_rng(order)
        x, xv = rng.permutation(x), rng.permutation(xv)
    model = chain(
        (100,),
        layers.Dense(256, "relu"),
        layers.Dropout(0.5),
        layers.Dense(1),
    )
    return ready(model, ((x, y), (xv, yv)), "mse", "rmsprop", 20, metrics=ERROR)
