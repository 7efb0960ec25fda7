"""Posted: classifications that people asked about, and what the answer made of them.

The programs are our own, after what the threads say of layers, losses, rates and
scales; nets, data and epochs are smaller in about the same measure.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np

from faults import data
from faults.build import BINARY
from faults.build import ONE_HOT
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.data import Split
from faults.data import split
from faults.posted import DEAD
from faults.posted import HIDDEN
from faults.posted import HIGH
from faults.posted import IDLE
from faults.posted import INITIAL
from faults.posted import LABELS
from faults.posted import LOOSE
from faults.posted import LOW
from faults.posted import NAN
from faults.posted import RAW
from faults.posted import SATURATED
from faults.posted import TIGHT
from faults.posted import VANISHING
from faults.posted import WRECK
from faults.posted import WRONG
from faults.posted import faulty
from faults.posted import healthy

layers = keras.layers
initializers = keras.initializers
optimizers = keras.optimizers
regularizers = keras.regularizers


# Tables


@functools.cache
def rows_of_numbers(n: int = 2000) -> Split:
    """Whole numbers below 100000, and whether they are at least 50000."""
    x = np.random.default_rng(81).integers(0, 100_000, (n, 1))
    return split(x.astype("float32"), (x >= 50_000).astype("float32"))


@faulty(
    "posted-threshold-relu-of-raw-numbers",
    (WRONG, RAW),
    (*WRECK, HIGH),
    note="numbers of up to 100000 as they are, and a ReLU before the cross-entropy: "
    "0.5 for ever (Stack Overflow)",
    scaled=False,
    output="relu",
    twin="posted-threshold-sigmoid",
)
@healthy("posted-threshold-sigmoid", note="scaled, and a sigmoid")
def threshold(
    scaled: bool = True, output: str = "sigmoid", rate: float = 0.001
) -> Setup:
    table = rows_of_numbers()
    if scaled:
        table = data.with_inputs(table, lambda x: (x - 50_000) / 29_000)
    model = dense(1, (3, 5), 1, output)
    return ready(model, table, BINARY, optimizers.Adam(rate), 8, 10)


@functools.cache
def patients(n: int = 120) -> Split:
    """Eight measurements of a few patients in their units, and who is ill."""
    rng = np.random.default_rng(82)
    sugar, mass = rng.normal(121, 31, n), rng.normal(32, 7, n)
    age, births = 21 + rng.gamma(1.3, 9, n), rng.poisson(3.8, n)
    insulin = np.where(rng.random(n) < 0.5, 0, rng.gamma(1.8, 85, n))
    pressure, skin = rng.normal(70, 18, n), rng.normal(21, 15, n).clip(0)
    pedigree = rng.gamma(2, 0.24, n)
    score = 0.05 * (sugar - 127) + 0.11 * (mass - 33) + 0.04 * (age - 33)
    y = score + rng.logistic(0, 0.4, n) > 0
    x = [births, sugar, pressure, skin, insulin, mass, pedigree, age]
    return split(np.column_stack(x).astype("float32"), y.astype("int32"), share=0.25)


@faulty(
    "posted-patients-raw-columns",
    RAW,
    (*WRECK, VANISHING, LOW),
    note="a table of diabetes as it comes, 90 rows of it, and no progress "
    "(GitHub keras 7659)",
    scaled=False,
    twin="posted-patients-standardised",
)
@healthy("posted-patients-standardised")
def ill(scaled: bool = True) -> Setup:
    table = patients()
    if scaled:
        mean, spread = table[0][0].mean(0), table[0][0].std(0)
        table = data.with_inputs(table, lambda x: (x - mean) / spread)
    model = dense(8, (12, 8), 1, "sigmoid")
    return ready(model, table, BINARY, "adam", 30, 10)


@functools.cache
def passengers(n: int = 900) -> Split:
    """Class, sex, age, kin, fare of passengers; the age of a fifth is unknown."""
    rng = np.random.default_rng(83)
    rank, woman = rng.integers(1, 4, n), rng.random(n) < 0.36
    age, kin = rng.gamma(5, 6, n), rng.poisson(0.9, n)
    fare = rng.lognormal(4.6 - 0.7 * rank, 0.5, n)
    score = 2.6 * woman - 1.1 * (rank - 2) - 0.03 * (age - 30) - 0.3 * kin - 0.7
    y = score + rng.logistic(0, 0.5, n) > 0
    age[rng.random(n) < 0.2] = np.nan
    x = np.column_stack([rank, woman, age, kin, fare]).astype("float32")
    return split(x, y.astype("int32"))


@faulty(
    "posted-passengers-of-unknown-age",
    NAN,
    ("not-learning",),
    note="ages that nobody knows are NaN, and so is the loss (asked again and again "
    "about the passengers of the Titanic)",
    filled=False,
    twin="posted-passengers-median-age",
)
@healthy("posted-passengers-median-age")
def survivors(filled: bool = True) -> Setup:
    table = passengers()
    mean, spread = np.nanmean(table[0][0], 0), np.nanstd(table[0][0], 0)
    table = data.with_inputs(table, lambda x: (x - mean) / spread)
    if filled:
        middle = np.nanmedian(table[0][0], 0)
        table = data.with_inputs(table, lambda x: np.where(np.isnan(x), middle, x))
    model = dense(5, (32, 16), 1, "sigmoid")
    return ready(model, table, BINARY, "adam", 15)


@functools.cache
def rings(n: int = 1200) -> Split:
    """Points on three rings around one another."""
    rng = np.random.default_rng(84)
    y, angle = rng.integers(0, 3, n), rng.uniform(0, 2 * np.pi, n)
    radius = 0.4 + 0.6 * y + rng.normal(0, 0.08, n)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return split(x.astype("float32"), y.astype("int32"))


@faulty(
    "posted-rings-layers-without-activation",
    HIDDEN,
    IDLE,
    note="a third of the points is right however many layers are added: no layer was "
    "given an activation",
    activation=None,
    twin="posted-rings-relu",
)
@healthy("posted-rings-relu")
def three_rings(activation: Any = "relu") -> Setup:
    model = dense(2, (64, 64, 64), 3, "softmax", activation)
    return ready(model, data.one_hot(rings(), 3), ONE_HOT, "adam", 15)


@functools.cache
def agreement(n: int = 400) -> Split:
    """Pairs of bits, and whether they are the same."""
    x = np.random.default_rng(85).integers(0, 2, (n, 2))
    return split(x.astype("float32"), (x[:, 0] == x[:, 1]).astype("int32"))


@faulty(
    "posted-xnor-two-relu-units",
    DEAD,
    IDLE,
    note="two ReLU, of which one is soon silent for all four points (Stack Overflow)",
    widths=(2,),
    twin="posted-xnor-twenty-and-twenty",
)
@healthy("posted-xnor-twenty-and-twenty", widths=(20, 20))
def same_bits(widths: tuple[int, ...]) -> Setup:
    model = dense(2, widths, 1, "sigmoid")
    optimizer = optimizers.Adam(0.01)
    return ready(model, agreement(), BINARY, optimizer, 20, 8, validate=False)


# Digits and clothes


@functools.cache
def small_clothes(n: int = 1500) -> Split:
    """Clothes of 14 times 14 grey levels of 0 to 1."""
    return data.with_inputs(data.fashion(n), lambda x: x[:, ::2, ::2])


@faulty(
    "posted-clothes-grey-levels-sgd",
    RAW,
    (*WRECK, HIGH),
    note="grey levels of 0 to 255 into a convolution: the same answer for each picture "
    "(Stack Overflow)",
    scale=255.0,
    twin="posted-clothes-divided-by-255",
)
@healthy("posted-clothes-divided-by-255", scale=1.0)
def grey_levels(scale: float) -> Setup:
    model = chain(
        (14, 14, 1),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dense(10, "softmax"),
    )
    clothes = data.with_inputs(small_clothes(), lambda x: scale * x)
    optimizer = optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    return ready(model, clothes, SPARSE, optimizer, 8)


@faulty(
    "posted-clothes-one-class-for-all",
    HIGH,
    (*WRECK, VANISHING),
    note="the rate of an example is too high for it: one class for all pictures and a "
    "loss of 2.30 until it is lowered (GitHub keras 4066; the net there was larger, "
    "the rate lower)",
    rate=0.2,
    twin="posted-clothes-lower-rate",
)
@healthy("posted-clothes-lower-rate", rate=0.01)
def one_class(rate: float) -> Setup:
    def pair(filters: int) -> list[Any]:
        make = functools.partial(
            layers.Conv2D, filters, 3, padding="same", activation="relu"
        )
        return [make(), make(), layers.MaxPooling2D(), layers.Dropout(0.25)]

    model = chain(
        (14, 14, 1),
        *pair(8),
        *pair(16),
        layers.Flatten(),
        layers.Dense(128, "relu"),
        layers.Dropout(0.5),
        layers.Dense(10, "softmax"),
    )
    optimizer = optimizers.SGD(rate, momentum=0.9, nesterov=True)
    return ready(model, small_clothes(), SPARSE, optimizer, 8)


@faulty(
    "posted-digits-adadelta-of-a-thousandth",
    LOW,
    IDLE,
    note="an example written when Adadelta's default rate was 1; since then it is "
    "0.001, and the digits are hardly learnt (GitHub keras 13815)",
    rate=0.001,
    twin="posted-digits-adadelta-of-one",
)
@healthy("posted-digits-adadelta-of-one", rate=1.0)
def adadelta(rate: float) -> Setup:
    model = chain(
        (8, 8, 1),
        layers.Conv2D(16, 3, activation="relu"),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dropout(0.5),
        layers.Dense(10, "softmax"),
    )
    digits = data.one_hot(data.digits(flat=False), 10)
    return ready(model, digits, ONE_HOT, optimizers.Adadelta(rate), 12)


@faulty(
    "posted-digits-of-the-book-slowly",
    LOW,
    ("not-learning", VANISHING, HIDDEN, WRONG),
    note="a well-known book's net of sigmoids and squares, with Keras' rate of 0.01 "
    "for the book's 3: a tenth is right",
    rate=0.01,
    twin="posted-digits-of-the-book",
)
@healthy("posted-digits-of-the-book", rate=3.0)
def book(rate: float) -> Setup:
    model = dense(64, (30,), 10, "sigmoid", "sigmoid")
    digits = data.one_hot(data.digits(), 10)
    return ready(model, digits, "mse", optimizers.SGD(rate), 15, 10)


@faulty(
    "posted-digits-l2-and-dropout",
    TIGHT,
    (VANISHING, "not-learning", HIDDEN),
    note="one layer of 36 sigmoids: with an L2 penalty beside the dropout a tenth is "
    "right (Stack Overflow; the penalty there was smaller)",
    penalty=0.1,
    drop=0.5,
    twin="posted-digits-little-dropout",
)
@healthy("posted-digits-little-dropout", penalty=1e-4, drop=0.2)
def thirty_six(penalty: float, drop: float) -> Setup:
    held = regularizers.L2(penalty)
    model = chain(
        (64,),
        layers.Dense(36, "sigmoid", kernel_regularizer=held),
        layers.Dropout(drop),
        layers.Dense(10, "softmax"),
    )
    digits = data.one_hot(data.digits(), 10)
    return ready(model, digits, ONE_HOT, "rmsprop", 15)


@faulty(
    "posted-clothes-rate-for-share-kept",
    TIGHT,
    IDLE,
    note="0.7 was meant as the share that a dropout keeps; here it is what it drops "
    "(GitHub DeepLearningZeroToAll 204)",
    drop=0.7,
    twin="posted-clothes-share-dropped",
)
@healthy("posted-clothes-share-dropped", drop=0.3)
def kept(drop: float) -> Setup:
    def block(filters: int) -> list[Any]:
        conv = layers.Conv2D(filters, 3, padding="same", activation="relu")
        return [conv, layers.MaxPooling2D(padding="same"), layers.Dropout(drop)]

    model = chain(
        (14, 14, 1),
        *block(8),
        *block(16),
        *block(32),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dropout(drop),
        layers.Dense(10, "softmax"),
    )
    return ready(model, small_clothes(), SPARSE, "adam", 10)


@faulty(
    "posted-clothes-sigmoid-lenet",
    (VANISHING, HIDDEN),
    ("not-learning", SATURATED, LOW, INITIAL),
    note="LeNet with sigmoids stays at 2.30 for any usual rate",
    activation="sigmoid",
    twin="posted-clothes-relu-lenet",
)
@healthy("posted-clothes-relu-lenet", activation="relu")
def lenet(activation: str) -> Setup:
    model = chain(
        (14, 14, 1),
        layers.Conv2D(6, 5, padding="same", activation=activation),
        layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, padding="same", activation=activation),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation),
        layers.Dense(84, activation),
        layers.Dense(10, "softmax"),
    )
    return ready(model, small_clothes(), SPARSE, optimizers.SGD(0.1), 8)


@faulty(
    "posted-clothes-normal-weights-relu",
    INITIAL,
    (*WRECK, VANISHING, HIGH),
    note="weights of one normal spread for wide layers and narrow: a deep net of ReLU "
    "whose loss never moves (GitHub keras 3752)",
    start=lambda: initializers.RandomNormal(stddev=0.3),
    twin="posted-clothes-glorot-weights-relu",
)
@healthy("posted-clothes-glorot-weights-relu", start=initializers.GlorotUniform)
def normal_weights(start: Any) -> Setup:
    conv = lambda n: layers.Conv2D(n, 3, activation="relu", kernel_initializer=start())
    full = lambda n: layers.Dense(n, "relu", kernel_initializer=start())
    model = chain(
        (14, 14, 1),
        conv(16),
        conv(16),
        layers.MaxPooling2D(),
        layers.Dropout(0.25),
        conv(32),
        layers.Flatten(),
        full(128),
        layers.Dropout(0.5),
        full(128),
        layers.Dense(10, "softmax", kernel_initializer=start()),
    )
    optimizer = optimizers.SGD(0.01, momentum=0.9)
    return ready(model, small_clothes(), SPARSE, optimizer, 8)


@faulty(
    "posted-digits-files-sorted-as-text",
    LABELS,
    ("not-learning", LOOSE),
    note="pictures in the order of their files' names, 1, 10, 100, 2; labels in the "
    "order of the table",
    as_text=True,
    twin="posted-digits-files-sorted-by-number",
)
@healthy("posted-digits-files-sorted-by-number", as_text=False)
def files(as_text: bool) -> Setup:
    digits = data.digits(flat=False)
    if as_text:
        order = lambda x: np.array(sorted(range(len(x)), key=str))
        digits = data.with_inputs(digits, lambda x: x[order(x)])
    model = chain(
        (8, 8, 1),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dense(10, "softmax"),
    )
    return ready(model, digits, SPARSE, "adam", 12)
