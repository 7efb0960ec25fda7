"""Hidden layers: activations missing, unsuitable or dead, and bad initial weights."""

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
initializers = keras.initializers
HIDDEN, INITIAL = "hidden-activation", "bad-initialization"
IDLE = ("not-learning",)
FADES = ("vanishing-gradient", "not-learning")
BLOWS_UP = (
    "exploding-gradient",
    "learning-rate-too-high",
    "nan-loss",
    "saturated-activation",
    "dead-units",
    "oscillating-loss",
    "vanishing-gradient",
    "not-learning",
)


@faulty(
    "hidden-circles-linear",
    HIDDEN,
    IDLE,
    name="circles",
    activation=None,
    twin="circles-relu",
)
@faulty("hidden-xor-linear", HIDDEN, IDLE, name="xor", activation=None, twin="xor-relu")
@faulty(
    "hidden-spirals-linear",
    HIDDEN,
    IDLE,
    name="spirals",
    activation="linear",
    twin="spirals-relu",
)
@faulty(
    "hidden-spirals-deep-sigmoid",
    ("vanishing-gradient", HIDDEN),
    (*FADES, "saturated-activation", INITIAL),
    name="spirals",
    activation="sigmoid",
    widths=(16,) * 7,
    twin="spirals-relu",
)
def plane(name: str, activation: Any, widths: tuple[int, ...] = (16, 16)) -> Setup:
    model = dense(2, widths, 1, "sigmoid", activation)
    return ready(model, data.plane(name), BINARY, optimizers.Adam(0.01), 15)


@faulty("hidden-curve-linear", HIDDEN, IDLE, activation=None, twin="curve-mse")
@faulty("hidden-curve-softmax", HIDDEN, FADES, activation="softmax", twin="curve-mse")
def curve(activation: Any) -> Setup:
    model = dense(6, (32, 32, 32), 1, activation=activation)
    optimizer = optimizers.Adam(3e-3)
    return ready(model, data.curve(), "mse", optimizer, 15, metrics=("mae",))


@faulty(
    "hidden-digits-deep-sigmoid",
    ("vanishing-gradient", HIDDEN),
    (*FADES, "saturated-activation", INITIAL),
    activation="sigmoid",
    widths=(32,) * 8,
    twin="digits-adam",
)
@faulty(
    "hidden-digits-deep-sigmoid-sgd",
    ("vanishing-gradient", HIDDEN),
    (*FADES, "saturated-activation", "learning-rate-too-low", INITIAL),
    activation="sigmoid",
    widths=(32,) * 5,
    make=lambda: optimizers.SGD(0.1),
    twin="digits-adam",
)
@faulty(
    "hidden-digits-softmax-deep",
    HIDDEN,
    (*FADES, "learning-rate-too-low"),
    activation="softmax",
    widths=(48, 48, 48),
    twin="digits-adam",
)
@faulty(
    "hidden-digits-relu-then-softmax-sgd",
    HIDDEN,
    (*FADES, "learning-rate-too-low"),
    activation="softmax",
    widths=(48, 32),
    make=lambda: optimizers.SGD(0.05),
    twin="digits-adam",
)
@faulty(
    "hidden-digits-exponential",
    HIDDEN,
    BLOWS_UP,
    activation="exponential",
    widths=(48, 48, 48),
    twin="digits-adam",
)
def digits(activation: str, widths: tuple[int, ...], make: Any = None) -> Setup:
    model = dense(64, widths, 10, "softmax", activation)
    optimizer = make() if make else optimizers.Adam(1e-3)
    return ready(model, data.digits(), SPARSE, optimizer, 10)


@faulty("hidden-fashion-softmax-over-channels", HIDDEN, FADES, twin="fashion-small-cnn")
def convolution_softmax() -> Setup:
    model = chain(
        (28, 28, 1),
        layers.Conv2D(8, 3, strides=2, activation="softmax"),
        layers.Conv2D(16, 3, strides=2, activation="softmax"),
        layers.Flatten(),
        layers.Dense(32, "softmax"),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.fashion(), SPARSE, "adam", 4)


@faulty(
    "hidden-digits-softmax-over-batch",
    HIDDEN,
    IDLE,
    note="softmax over the examples of the batch instead of the classes",
    twin="digits-adam",
)
def softmax_over_batch() -> Setup:
    model = chain(
        (64,),
        layers.Dense(48, "relu"),
        layers.Dense(32),
        layers.Softmax(axis=0),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.digits(), SPARSE, "adam", 10)


@faulty(
    "hidden-digits-relu-after-negative",
    "dead-units",
    ("vanishing-gradient", "not-learning", INITIAL),
    bias=-6.0,
    note="biases of -6: no unit ever switches on",
    twin="digits-adam",
)
@faulty(
    "hidden-digits-half-dead",
    "dead-units",
    ("vanishing-gradient", "not-learning", INITIAL),
    bias=-2.0,
    note="biases of -2",
    twin="digits-adam",
)
def negative_bias(bias: float) -> Setup:
    model = dense(
        64,
        (48, 32),
        10,
        "softmax",
        bias_initializer=initializers.Constant(bias),
    )
    return ready(model, data.digits(), SPARSE, optimizers.SGD(0.05), 8)


@faulty(
    "hidden-xor-dead-relu",
    "dead-units",
    ("not-learning", "vanishing-gradient", "bad-initialization"),
    note="two units whose ReLU is off for all four points",
    twin="xor-four-points",
)
def dead_xor() -> Setup:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([[0], [1], [1], [0]], "float32")
    model = dense(
        2,
        (4,),
        1,
        "sigmoid",
        kernel_initializer=initializers.RandomUniform(-1, -0.2),
        bias_initializer=initializers.Constant(-0.1),
    )
    optimizer = optimizers.SGD(0.1)
    return ready(model, ((x, y), None), BINARY, optimizer, 150, 4, validate=False)


@faulty(
    "initial-digits-zeros",
    INITIAL,
    (*FADES, "dead-units"),
    make="zeros",
    twin="digits-sgd",
)
@faulty("initial-digits-ones", INITIAL, BLOWS_UP, make="ones", twin="digits-sgd")
@faulty(
    "initial-digits-constant",
    INITIAL,
    (*FADES, "learning-rate-too-low"),
    make=lambda: initializers.Constant(0.02),
    note="all units of a layer stay the same",
    twin="digits-sgd",
)
@faulty(
    "initial-digits-normal-1",
    INITIAL,
    BLOWS_UP,
    make=lambda: initializers.RandomNormal(stddev=1.0),
    widths=(128, 128, 128),
    twin="digits-sgd",
)
@faulty(
    "initial-digits-normal-5",
    INITIAL,
    BLOWS_UP,
    make=lambda: initializers.RandomNormal(stddev=5.0),
    twin="digits-sgd",
)
@faulty(
    "initial-digits-tiny",
    INITIAL,
    (*FADES, "learning-rate-too-low"),
    make=lambda: initializers.RandomNormal(stddev=1e-4),
    widths=(48, 48, 48),
    twin="digits-sgd",
)
@faulty(
    "initial-digits-tanh-normal-3",
    INITIAL,
    BLOWS_UP,
    make=lambda: initializers.RandomNormal(stddev=3.0),
    activation="tanh",
    twin="digits-sgd",
)
@faulty(
    "initial-digits-deep-small",
    INITIAL,
    (*FADES, "learning-rate-too-low"),
    make=lambda: initializers.RandomNormal(stddev=0.05),
    widths=(32,) * 8,
    note="the old rule of 0.05 in a net of eight layers",
    twin="digits-sgd",
)
@faulty(
    "initial-digits-sigmoid-uniform-10",
    INITIAL,
    BLOWS_UP,
    make=lambda: initializers.RandomUniform(-10, 10),
    activation="sigmoid",
    twin="digits-sgd",
)
def initial(
    make: Any, widths: tuple[int, ...] = (48, 32), activation: str = "relu"
) -> Setup:
    def fresh() -> Any:
        return make if isinstance(make, str) else make()

    hidden = [layers.Dense(n, activation, kernel_initializer=fresh()) for n in widths]
    last = layers.Dense(10, "softmax", kernel_initializer=fresh())
    model = chain((64,), *hidden, last)
    return ready(model, data.digits(), SPARSE, optimizers.SGD(0.05), 8)


@faulty(
    "initial-digits-deep-large",
    (INITIAL, "exploding-gradient"),
    BLOWS_UP,
    note="ten layers, weights three times too large in each",
    gain=18.0,
    twin="digits-deep-he",
)
@healthy("digits-deep-he", gain=2.0)
def deep_gain(gain: float) -> Setup:
    hidden = [
        layers.Dense(
            32,
            "relu",
            kernel_initializer=initializers.VarianceScaling(gain, "fan_in"),
        )
        for _ in range(10)
    ]
    model = chain((64,), *hidden, layers.Dense(10, "softmax"))
    return ready(model, data.digits(), SPARSE, optimizers.Adam(2e-3), 10)


@faulty("initial-curve-ones", INITIAL, BLOWS_UP, make="ones", twin="curve-mse")
@faulty(
    "initial-curve-zeros",
    INITIAL,
    (*FADES, "dead-units"),
    make="zeros",
    twin="curve-mse",
)
def initial_curve(make: Any) -> Setup:
    def fresh() -> Any:
        return make if isinstance(make, str) else make()

    hidden = [layers.Dense(32, "relu", kernel_initializer=fresh()) for _ in range(3)]
    model = chain((6,), *hidden, layers.Dense(1, kernel_initializer=fresh()))
    optimizer = optimizers.Adam(3e-3)
    return ready(model, data.curve(), "mse", optimizer, 15, metrics=("mae",))


@faulty(
    "initial-waves-rnn-explodes",
    ("exploding-gradient", INITIAL),
    (*BLOWS_UP, HIDDEN),
    weight=1.6,
    note="linear recurrence with a spectral radius above 1",
    twin="waves-relu-rnn",
)
@healthy("waves-relu-rnn", weight=1.0, note="recurrence that begins as the identity")
def relu_rnn(weight: float) -> Setup:
    rnn = layers.SimpleRNN(
        16, "relu", recurrent_initializer=initializers.Identity(weight)
    )
    optimizer = optimizers.SGD(0.01) if weight > 1 else optimizers.Adam(1e-3)
    model = chain((24, 1), rnn, layers.Dense(1))
    return ready(model, data.waves(), "mse", optimizer, 8, metrics=("mae",))


@faulty(
    "initial-deep-tanh-large",
    INITIAL,
    (*BLOWS_UP, HIDDEN),
    note="tanh saturated in every layer",
    twin="fashion-tanh",
)
def deep_tanh() -> Setup:
    model = dense(
        784,
        (64,) * 5,
        10,
        "softmax",
        "tanh",
        kernel_initializer=initializers.RandomNormal(stddev=1.0),
    )
    return ready(model, data.fashion(flat=True), SPARSE, "adam", 4)
