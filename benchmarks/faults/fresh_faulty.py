"""Fresh and faulty: what people ask about, each with the form that works beside it."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from faults import case
from faults import data
from faults import fresh_data
from faults.build import BINARY
from faults.build import ONE_HOT
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.fresh_healthy import variational

healthy = functools.partial(case.healthy, part="fresh")
faulty = functools.partial(case.faulty, part="fresh")
layers = keras.layers
initializers = keras.initializers
optimizers = keras.optimizers
regularizers = keras.regularizers
schedules = keras.optimizers.schedules
WRONG, HIDDEN, INITIAL = (
    "output-loss-mismatch",
    "hidden-activation",
    "bad-initialization",
)
RAW, TARGET, LABELS = "unnormalized-input", "unscaled-target", "wrong-labels"
LOW, HIGH = "learning-rate-too-low", "learning-rate-too-high"
TIGHT, LOOSE = "over-regularized", "overfitting"
IDLE = ("not-learning",)
STUCK = ("not-learning", "vanishing-gradient", "dead-units", "nan-loss")
WRECK = (
    "dead-units",
    "exploding-gradient",
    "nan-loss",
    "not-learning",
    "oscillating-loss",
    "saturated-activation",
    "vanishing-gradient",
)
ERROR = ("mae",)


# Outputs


@faulty(
    "reviews-softmax-of-one-unit",
    WRONG,
    IDLE,
    note="always 1; Keras trains by the logits, so that only the answers are lost",
    output="softmax",
    twin="reviews-gru-sigmoid",
)
@faulty(
    "reviews-linear-output-bce",
    WRONG,
    STUCK,
    note="neither a sigmoid nor `from_logits`",
    output=None,
    twin="reviews-gru-sigmoid",
)
@faulty(
    "reviews-adam-0.5",
    HIGH,
    WRECK,
    rate=0.5,
    twin="reviews-gru-sigmoid",
)
@faulty(
    "reviews-dropout-0.95",
    TIGHT,
    IDLE,
    drop=0.95,
    twin="reviews-gru-sigmoid",
)
@faulty(
    "reviews-shuffled-texts",
    LABELS,
    ("not-learning", "overfitting"),
    note="the texts were shuffled, the labels not",
    shuffled=True,
    twin="reviews-gru-sigmoid",
)
@healthy("reviews-gru-sigmoid", note="overfits a little, as nets for reviews do")
def reviews(
    output: Any = "sigmoid",
    rate: float = 3e-3,
    drop: float = 0.2,
    shuffled: bool = False,
) -> Setup:
    (x, y), (xv, yv) = fresh_data.reviews()
    if shuffled:
        rng = np.random.default_rng(1)
        x, xv = rng.permutation(x), rng.permutation(xv)
    model = chain(
        (30,),
        layers.Embedding(300, 16),
        layers.Dropout(drop),
        layers.GRU(16),
        layers.Dropout(drop),
        layers.Dense(1, output),
    )
    texts = (x, y), (xv, yv)
    return ready(model, texts, BINARY, optimizers.Adam(rate), 6)


@faulty(
    "houses-sigmoid-output",
    (WRONG, TARGET),
    ("saturated-activation", "vanishing-gradient", "not-learning"),
    output="sigmoid",
    note="prices of 60 to 500 from a sigmoid",
    twin="houses-standard",
)
@faulty(
    "houses-dollars",
    TARGET,
    (LOW, "exploding-gradient", "not-learning"),
    unit=1000.0,
    note="prices of 60,000 to 500,000, as they are",
    twin="houses-standard",
)
@faulty(
    "houses-dollars-mae-rmsprop",
    TARGET,
    (LOW, "not-learning"),
    unit=1000.0,
    loss="mae",
    optimizer="rmsprop",
    twin="houses-standard",
)
@faulty(
    "houses-raw-columns-sgd",
    (RAW, TARGET),
    (*WRECK, HIGH),
    scaled=False,
    optimizer="sgd",
    note="columns and prices as they are, SGD by name",
    twin="houses-standard",
)
@faulty(
    "houses-raw-columns-tanh",
    RAW,
    (*WRECK, LOW, HIDDEN),
    scaled=False,
    unit=0.01,
    activation="tanh",
    note="areas of 40 to 220 into tanh",
    twin="houses-standard",
)
@faulty(
    "houses-missing-ages",
    "nan-loss",
    (RAW,),
    unit=0.01,
    missing=0.03,
    note="some ages are not a number",
    twin="houses-standard",
)
@healthy("houses-standard", unit=0.01)
def houses(
    output: Any = None,
    unit: float = 1.0,
    scaled: bool = True,
    activation: str = "relu",
    loss: str = "mse",
    optimizer: str = "adam",
    missing: float = 0.0,
) -> Setup:
    (x, y), (xv, yv) = fresh_data.houses(unit=unit)
    if scaled:
        x, xv = (x - x.mean(0)) / x.std(0), (xv - x.mean(0)) / x.std(0)
    lost = np.random.default_rng(2).random(len(x)) < missing
    x = np.where(lost[:, None] & (np.arange(4) == 2), np.nan, x).astype("float32")
    model = dense(4, (32, 32), 1, output, activation)
    return ready(model, ((x, y), (xv, yv)), loss, optimizer, 25, metrics=ERROR)


@faulty(
    "visitors-poisson-linear",
    (WRONG, "nan-loss"),
    STUCK,
    output=None,
    note="a rate below 0 has no logarithm",
    twin="visitors-poisson-softplus",
)
@faulty(
    "visitors-poisson-sigmoid",
    WRONG,
    ("saturated-activation", "vanishing-gradient", "not-learning", TARGET),
    output="sigmoid",
    note="counts of up to 60 from a sigmoid",
    twin="visitors-poisson-softplus",
)
@healthy("visitors-poisson-softplus", output="softplus")
def visitors(output: Any) -> Setup:
    model = dense(9, (24,), 1, output)
    optimizer = optimizers.Adam(0.01)
    return ready(model, fresh_data.visitors(), "poisson", optimizer, 20, metrics=ERROR)


@faulty(
    "beats-standard-sigmoid-output",
    WRONG,
    ("saturated-activation", "not-learning", "vanishing-gradient"),
    note="inputs standardised, yet rebuilt by a sigmoid",
    output="sigmoid",
    twin="beats-standard-linear",
)
@faulty(
    "beats-relu-bottleneck-dead",
    ("dead-units", INITIAL),
    ("not-learning", "vanishing-gradient"),
    note="biases of -6 in the code: no unit ever fires",
    bias=-6.0,
    twin="beats-standard-linear",
)
@healthy("beats-standard-linear")
def beats(output: Any = None, bias: float = 0.0) -> Setup:
    (x, _), (xv, _) = fresh_data.beats()
    scale = lambda a: (a - x.mean()) / x.std()
    model = chain(
        (60,),
        layers.Dense(32, "relu"),
        layers.Dense(8, "relu", bias_initializer=initializers.Constant(bias)),
        layers.Dense(32, "relu"),
        layers.Dense(60, output),
    )
    series = (scale(x), scale(x)), (scale(xv), scale(xv))
    return ready(model, series, "mse", optimizers.Adam(2e-3), 25, metrics=ERROR)


@faulty(
    "shapes-labels-from-one",
    (WRONG, LABELS),
    ("not-learning", "saturated-activation", "nan-loss"),
    note="disc or not, labelled 1 and 2 instead of 0 and 1",
    first=1,
    twin="shapes-disc-or-not",
)
@healthy("shapes-disc-or-not", first=0)
def disc_or_not(first: int) -> Setup:
    shapes = data.with_targets(fresh_data.shapes(), lambda y: (y > 0) + first)
    model = chain(
        (16, 16, 1),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(1, "sigmoid"),
    )
    return ready(model, shapes, BINARY, optimizers.Adam(2e-3), 10)


# Hidden layers


@faulty(
    "rings-no-activation",
    HIDDEN,
    IDLE,
    activation=None,
    note="`Dense(64)` three times, and no activation",
    twin="rings-relu",
)
@faulty(
    "rings-softmax-hidden",
    HIDDEN,
    ("vanishing-gradient", "not-learning", LOW),
    activation="softmax",
    twin="rings-relu",
)
@faulty(
    "rings-ten-sigmoid-layers",
    ("vanishing-gradient", HIDDEN),
    ("not-learning", "saturated-activation", INITIAL),
    activation="sigmoid",
    depth=10,
    twin="rings-relu",
)
@faulty(
    "rings-zero-weights",
    INITIAL,
    ("vanishing-gradient", "not-learning", "dead-units"),
    start="zeros",
    twin="rings-relu",
)
@faulty(
    "rings-weights-of-two",
    INITIAL,
    (*WRECK, HIGH),
    start=lambda: initializers.RandomNormal(stddev=2.0),
    optimizer="sgd",
    note="standard deviation of 2, six layers, SGD",
    depth=6,
    twin="rings-relu",
)
@healthy("rings-relu")
def rings(
    activation: Any = "relu",
    depth: int = 3,
    start: Any = "glorot_uniform",
    optimizer: Any = None,
) -> Setup:
    make = lambda: start if isinstance(start, str) else start()
    hidden = [
        layers.Dense(64, activation, kernel_initializer=make()) for _ in range(depth)
    ]
    model = chain((4,), *hidden, layers.Dense(3, "softmax", kernel_initializer=make()))
    optimizer = optimizer or optimizers.Adam(2e-3)
    return ready(model, fresh_data.rings(), SPARSE, optimizer, 20)


@faulty(
    "sensors-recurrence-blows-up",
    ("exploding-gradient", INITIAL),
    (*WRECK, HIGH, HIDDEN),
    gain=1.5,
    note="ReLU recurrence that grows by a half in each of 50 steps",
    twin="sensors-relu-rnn",
)
@healthy("sensors-relu-rnn", gain=0.9)
def recurrence(gain: float) -> Setup:
    rnn = layers.SimpleRNN(
        24, "relu", recurrent_initializer=initializers.Identity(gain)
    )
    model = chain((50, 3), rnn, layers.Dense(4, "softmax"))
    return ready(model, fresh_data.sensors(), SPARSE, optimizers.Adam(2e-3), 12)


# Pictures


@faulty(
    "clothes-pixels-to-255-sgd",
    RAW,
    (*WRECK, HIGH),
    scale=1.0,
    twin="clothes-convnet-sgd",
)
@faulty(
    "clothes-sgd-1e-5",
    LOW,
    IDLE,
    rate=1e-5,
    twin="clothes-convnet-sgd",
)
@faulty(
    "clothes-decay-each-step",
    LOW,
    IDLE,
    rate=lambda: schedules.ExponentialDecay(0.05, 1, 0.8),
    note="meant to lose a fifth each epoch, loses it each step",
    twin="clothes-convnet-sgd",
)
@faulty(
    "clothes-sgd-2",
    HIGH,
    WRECK,
    rate=2.0,
    twin="clothes-convnet-sgd",
)
@faulty(
    "clothes-l2-of-a-half",
    TIGHT,
    ("not-learning", "vanishing-gradient", "dead-units"),
    penalty=0.5,
    twin="clothes-convnet-sgd",
)
@healthy("clothes-convnet-sgd")
def convnet(
    scale: float = 255.0, rate: Any = 0.05, penalty: float | None = None
) -> Setup:
    held = lambda: None if penalty is None else regularizers.L2(penalty)
    model = chain(
        (28, 28, 1),
        layers.Conv2D(8, 3, 2, activation="relu", kernel_regularizer=held()),
        layers.Conv2D(16, 3, 2, activation="relu", kernel_regularizer=held()),
        layers.Flatten(),
        layers.Dense(32, "relu", kernel_regularizer=held()),
        layers.Dense(10, "softmax"),
    )
    optimizer = optimizers.SGD(rate() if callable(rate) else rate, momentum=0.9)
    return ready(model, data.fashion(1500, scale=scale), SPARSE, optimizer, 5)


@faulty(
    "masks-net-adam-1e-7",
    LOW,
    IDLE,
    rate=1e-7,
    twin="masks-net",
)
@faulty(
    "masks-dice-without-floor",
    "nan-loss",
    ("not-learning", WRONG),
    loss="dice",
    note="a Dice loss of our own divides 0 by 0 where a disc is missing",
    twin="masks-net",
)
@healthy("masks-net")
def masks(rate: float = 3e-3, loss: Any = BINARY) -> Setup:
    (x, y), held_out = fresh_data.masks()

    def dice(target: Any, forecast: Any) -> Any:
        found = ops.cast(forecast > 0.5, "float32") * forecast
        shared = ops.sum(target * found, (1, 2, 3))
        return 1 - 2 * shared / (ops.sum(target, (1, 2, 3)) + ops.sum(found, (1, 2, 3)))

    if loss == "dice":
        empty = np.arange(len(x)) % 20 == 0
        x = np.where(empty[:, None, None, None], 0, x)
        y, loss = np.where(empty[:, None, None, None], 0, y), dice
    conv = lambda n: layers.Conv2D(n, 3, padding="same", activation="relu")
    model = chain(
        (16, 16, 1),
        conv(8),
        layers.MaxPooling2D(),
        conv(16),
        layers.UpSampling2D(),
        conv(8),
        layers.Conv2D(1, 1, activation="sigmoid"),
    )
    pictures, metrics = ((x, y), held_out), ("binary_accuracy",)
    optimizer = optimizers.Adam(rate)
    return ready(model, pictures, loss, optimizer, 10, 16, metrics=metrics)


@faulty(
    "clothes-variational-beta-784",
    TIGHT,
    ("not-learning", "vanishing-gradient"),
    note="the divergence weighs so much that the code says nothing",
    twin="clothes-variational-layer",
)
def collapsed() -> Setup:
    (x, _), (xv, _) = data.fashion(1500, flat=True)
    pictures, optimizer = ((x, x), (xv, xv)), optimizers.Adam(2e-3)
    return ready(variational(1.0), pictures, BINARY, optimizer, 8, metrics=ERROR)


# Too little data


@faulty("reviews-70-texts", LOOSE, rows=70, twin="reviews-embedding-flat")
@healthy("reviews-embedding-flat", rows=None)
def few_texts(rows: int | None) -> Setup:
    (x, y), held_out = fresh_data.reviews(1600 if rows is None else 900)
    model = chain(
        (30,),
        layers.Embedding(300, 32),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dense(1, "sigmoid"),
    )
    epochs = 4 if rows is None else 60
    return ready(model, ((x[:rows], y[:rows]), held_out), BINARY, "adam", epochs, 16)


@faulty("shapes-45-pictures", LOOSE, rows=45, twin="shapes-large-net")
@healthy("shapes-large-net", rows=None)
def few_shapes(rows: int | None) -> Setup:
    (x, y), held_out = fresh_data.shapes()
    model = chain(
        (16, 16, 1),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(128, "relu"),
        layers.Dense(3, "softmax"),
    )
    epochs, batch = (8, 32) if rows is None else (60, 8)
    return ready(model, ((x[:rows], y[:rows]), held_out), SPARSE, "adam", epochs, batch)


@healthy("friedman-large-net", note="256 units twice for 600 rows, six epochs")
def large_net() -> Setup:
    table = fresh_data.friedman(noise=2.0, width=20)
    table = data.with_targets(table, lambda y: (y - 14) / 5)
    table = data.with_inputs(table, lambda x: 2 * x - 1)
    return ready(dense(20, (256, 256), 1), table, "mse", epochs=6, metrics=ERROR)


# Series and tables


@faulty(
    "weather-lstm-relu-raw",
    RAW,
    (*WRECK, HIDDEN, HIGH, TARGET),
    raw=True,
    activation="relu",
    note="pressures of 1000 into an LSTM with ReLU",
    twin="weather-lstm-adam",
)
@faulty(
    "weather-lstm-raw",
    RAW,
    (*WRECK, TARGET, LOW),
    raw=True,
    twin="weather-lstm-adam",
)
@faulty(
    "weather-lstm-sgd-1e-4",
    LOW,
    IDLE,
    optimizer=lambda: optimizers.SGD(1e-4),
    twin="weather-lstm-adam",
)
@faulty(
    "weather-lstm-softmax-output",
    WRONG,
    IDLE,
    output="softmax",
    twin="weather-lstm-adam",
)
@faulty(
    "weather-targets-shuffled",
    LABELS,
    ("not-learning", "overfitting"),
    note="the windows were shuffled without their targets",
    shuffled=True,
    twin="weather-lstm-adam",
)
@healthy("weather-lstm-adam")
def weather(
    raw: bool = False,
    activation: str = "tanh",
    optimizer: Any = None,
    output: Any = None,
    shuffled: bool = False,
) -> Setup:
    (x, y), (xv, yv) = fresh_data.weather(raw=raw)
    if shuffled:
        rng = np.random.default_rng(3)
        y, yv = rng.permutation(y), rng.permutation(yv)
    model = chain((24, 3), layers.LSTM(16, activation), layers.Dense(1, output))
    optimizer = optimizer() if optimizer else optimizers.Adam(5e-3)
    windows = (x, y), (xv, yv)
    return ready(model, windows, "mse", optimizer, 8, metrics=ERROR)


@faulty(
    "census-capital-in-dollars",
    RAW,
    (*WRECK, HIGH),
    dollars=True,
    note="one column of up to 100,000 beside embeddings",
    twin="census-functional",
)
@faulty(
    "census-softmax-of-one-unit",
    WRONG,
    IDLE,
    output="softmax",
    loss=BINARY,
    twin="census-functional",
)
@healthy("census-functional", dollars=False)
def census(dollars: bool = False, output: str = "sigmoid", loss: str = BINARY) -> Setup:
    inputs = {
        "numbers": keras.Input((3,), name="numbers"),
        "job": keras.Input((1,), dtype="int32", name="job"),
        "school": keras.Input((1,), dtype="int32", name="school"),
    }
    parts = [
        inputs["numbers"],
        layers.Flatten()(layers.Embedding(8, 4)(inputs["job"])),
        layers.Flatten()(layers.Embedding(5, 4)(inputs["school"])),
    ]
    hidden = layers.Dense(32, "relu")(layers.Concatenate()(parts))
    hidden = layers.Dense(16, "relu")(hidden)
    model = keras.Model(inputs, layers.Dense(1, output)(hidden))
    people = fresh_data.census(dollars=dollars)
    return ready(model, people, loss, optimizers.SGD(0.1), 15)


@faulty(
    "topics-relu-scores",
    WRONG,
    STUCK,
    output="relu",
    note="ReLU before a cross-entropy of probabilities",
    twin="topics-one-hot",
)
@faulty(
    "topics-divergence-without-floor",
    "nan-loss",
    ("not-learning", WRONG),
    loss="own",
    note="a divergence of our own takes the logarithm of a label of 0",
    twin="topics-one-hot",
)
@healthy("topics-one-hot")
def topics(output: str = "softmax", loss: Any = ONE_HOT) -> Setup:
    def divergence(target: Any, forecast: Any) -> Any:
        return ops.sum(target * ops.log(target / forecast), axis=-1)

    model = dense(120, (32, 16), 4, output)
    documents = data.one_hot(fresh_data.word_counts(), 4)
    loss = divergence if loss == "own" else loss
    return ready(model, documents, loss, "adam", 12)


@faulty(
    "patients-momentum-too-strong",
    HIGH,
    WRECK,
    rate=1.0,
    momentum=0.99,
    twin="patients-momentum",
)
@healthy("patients-momentum", rate=0.02, momentum=0.9)
def momentum(rate: float, momentum: float) -> Setup:
    model = dense(8, (24, 12), 1, "sigmoid")
    optimizer = optimizers.SGD(rate, momentum=momentum)
    return ready(model, fresh_data.patients(), BINARY, optimizer, 15)
