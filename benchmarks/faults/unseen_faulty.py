"""Unseen and faulty: one thing done wrong to a training that works."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from faults import case
from faults import data
from faults import unseen_data
from faults.build import BINARY
from faults.build import ONE_HOT
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.unseen_parts import Places
from faults.unseen_parts import block

healthy = functools.partial(case.healthy, part="unseen")
faulty = functools.partial(case.faulty, part="unseen")
layers = keras.layers
initializers = keras.initializers
optimizers = keras.optimizers
regularizers = keras.regularizers
WRONG, HIDDEN, INITIAL = (
    "output-loss-mismatch",
    "hidden-activation",
    "bad-initialization",
)
RAW, TARGET, LABELS = "unnormalized-input", "unscaled-target", "wrong-labels"
LOW, HIGH = "learning-rate-too-low", "learning-rate-too-high"
TIGHT, LOOSE = "over-regularized", "overfitting"
VANISHING, EXPLODING = "vanishing-gradient", "exploding-gradient"
DEAD, SATURATED, NAN = "dead-units", "saturated-activation", "nan-loss"
IDLE = ("not-learning",)
STUCK = ("not-learning", VANISHING, DEAD, NAN)
WRECK = (DEAD, EXPLODING, NAN, "not-learning", "oscillating-loss", SATURATED, VANISHING)
ERROR = ("mae",)


def shuffled(parts: Any, seed: int = 1) -> Any:
    """Returns the data with targets that belong to other rows."""
    rng = np.random.default_rng(seed)
    (x, y), (xv, yv) = parts
    return (x, rng.permutation(y)), (xv, rng.permutation(yv))


# Tables


@faulty(
    "cars-raw-columns-momentum",
    RAW,
    (*WRECK, HIGH),
    note="pounds of 5000 beside years of 76",
    scaled=False,
    twin="cars-standardised",
)
@faulty(
    "cars-relu-below-zero",
    WRONG,
    (DEAD, "not-learning"),
    note="ReLU for targets of which half are below 0",
    output="relu",
    twin="cars-standardised",
)
@faulty(
    "cars-row-lost-from-one-table",
    LABELS,
    ("not-learning", LOOSE),
    note="each car has the miles of the next",
    lost=True,
    twin="cars-standardised",
)
@faulty(
    "cars-horse-power-missing",
    NAN,
    (RAW,),
    note="six cars of which nobody knows the horse power",
    missing=6,
    twin="cars-standardised",
)
@healthy("cars-standardised")
def cars(
    scaled: bool = True, output: Any = None, lost: bool = False, missing: int = 0
) -> Setup:
    table = data.with_targets(unseen_data.cars(), lambda y: (y - 19) / 6)
    (x, y), (xv, yv) = unseen_data.fitted(table) if scaled else table
    if lost:
        y, yv = np.roll(y, 1, 0), np.roll(yv, 1, 0)
    x = x.copy()
    x[:missing, 2] = np.nan
    model, optimizer = dense(8, (32, 16), 1, output), optimizers.SGD(0.01, momentum=0.9)
    return ready(model, ((x, y), (xv, yv)), "mse", optimizer, 12, 16, ERROR)


@faulty(
    "churn-columns-as-they-are",
    RAW,
    (*WRECK, HIDDEN, LOW),
    note="months and charges of up to 120 into tanh",
    scale="none",
    twin="churn-tanh",
)
@faulty(
    "churn-held-out-not-scaled",
    RAW,
    (LOOSE, SATURATED),
    note="only the training rows are scaled",
    scale="training",
    twin="churn-tanh",
)
@faulty(
    "churn-categorical-of-one-unit",
    WRONG,
    IDLE,
    note="softmax of one unit, and the cross-entropy of one class: 0",
    output="softmax",
    loss=ONE_HOT,
    twin="churn-tanh",
)
@healthy("churn-tanh")
def churn(scale: str = "all", output: str = "sigmoid", loss: Any = BINARY) -> Setup:
    raw = unseen_data.churn(share=0.35)
    raw = data.with_targets(raw, lambda y: y[:, None].astype("float32"))
    table = raw if scale == "none" else unseen_data.fitted(raw)
    if scale == "training":
        table = table[0], raw[1]
    model = dense(11, (32, 16), 1, output, "tanh")
    metrics = ("binary_accuracy", keras.metrics.AUC(name="auc", from_logits=True))
    optimizer = optimizers.RMSprop(2e-3)
    return ready(model, table, loss, optimizer, 8, metrics=metrics)


@faulty(
    "flats-in-euros",
    TARGET,
    (LOW, EXPLODING, "not-learning"),
    note="prices of 18,000 to 1.8 million, Adam",
    unit=1.0,
    twin="flats-in-hundred-thousands",
)
@faulty(
    "flats-in-euros-absolute-error",
    TARGET,
    (LOW, "not-learning"),
    unit=1.0,
    loss="mae",
    optimizer=lambda: optimizers.SGD(0.01),
    twin="flats-in-hundred-thousands",
)
@faulty(
    "flats-in-euros-momentum",
    TARGET,
    (*WRECK, HIGH),
    unit=1.0,
    optimizer=lambda: optimizers.SGD(0.01, momentum=0.9),
    twin="flats-in-hundred-thousands",
)
@faulty(
    "flats-l2-of-one",
    TIGHT,
    (VANISHING, DEAD, "not-learning"),
    penalty=1.0,
    twin="flats-in-hundred-thousands",
)
@healthy("flats-in-hundred-thousands")
def flats(
    unit: float = 1e5,
    loss: str = "mse",
    optimizer: Any = None,
    penalty: float | None = None,
) -> Setup:
    prices = data.with_targets(unseen_data.flats(), lambda y: y / unit)
    held = lambda: None if penalty is None else regularizers.L2(penalty)
    hidden = [layers.Dense(32, "relu", kernel_regularizer=held()) for _ in range(2)]
    model = chain((9,), *hidden, layers.Dense(1, kernel_regularizer=held()))
    optimizer = optimizer() if optimizer else optimizers.Adam(3e-3)
    return ready(model, prices, loss, optimizer, 12, metrics=ERROR)


@faulty(
    "shell-no-activations",
    HIDDEN,
    IDLE,
    activation=None,
    twin="shell-three-layers",
)
@faulty(
    "shell-weights-of-three-tanh",
    (INITIAL, SATURATED),
    (VANISHING, "not-learning", LOOSE, "oscillating-loss"),
    note="tanh of sums of thirty and more",
    activation="tanh",
    start=lambda: initializers.RandomNormal(stddev=3.0),
    twin="shell-three-layers",
)
@faulty(
    "shell-labels-of-plus-and-minus",
    (WRONG, LABELS),
    ("not-learning", SATURATED, NAN),
    note="-1 and 1 for a cross-entropy of 0 and 1",
    plus=True,
    twin="shell-three-layers",
)
@faulty(
    "shell-hundred-rows",
    LOOSE,
    rows=100,
    note="a hundred rows, forty epochs",
    epochs=40,
    twin="shell-three-layers",
)
@faulty(
    "shell-twelve-sigmoid-layers",
    (VANISHING, HIDDEN),
    ("not-learning", SATURATED, INITIAL),
    activation="sigmoid",
    depth=12,
    twin="shell-three-layers",
)
@faulty("shell-adam-3e-7", LOW, IDLE, rate=3e-7, twin="shell-three-layers")
@faulty("shell-adam-1", HIGH, WRECK, rate=1.0, twin="shell-three-layers")
@faulty(
    "shell-l1-of-a-fifth",
    TIGHT,
    (VANISHING, DEAD, "not-learning"),
    penalty=0.2,
    twin="shell-three-layers",
)
@healthy("shell-three-layers")
def shell(
    activation: Any = "relu",
    start: Any = None,
    plus: bool = False,
    rows: int | None = None,
    epochs: int = 8,
    depth: int = 3,
    rate: float = 3e-3,
    penalty: float | None = None,
) -> Setup:
    (x, y), held_out = unseen_data.shell()
    table = (x[:rows], y[:rows]), held_out
    if plus:
        table = data.with_targets(table, lambda y: 2 * y - 1)
    held = lambda: None if penalty is None else regularizers.L1(penalty)
    make = start or initializers.GlorotUniform
    hidden = [
        layers.Dense(
            48, activation, kernel_initializer=make(), kernel_regularizer=held()
        )
        for _ in range(depth)
    ]
    model = chain((10,), *hidden, layers.Dense(1, "sigmoid"))
    return ready(model, table, BINARY, optimizers.Adam(rate), epochs)


@faulty(
    "claims-likelihood-of-a-line",
    (WRONG, NAN),
    STUCK,
    note="amounts below 0 have no logarithm",
    output=None,
    twin="claims-likelihood",
)
@healthy("claims-likelihood", output="exponential")
def claims(output: Any) -> Setup:
    def likelihood(target: Any, forecast: Any) -> Any:
        return ops.mean(target / forecast + ops.log(forecast), axis=-1)

    model = dense(6, (24,), 1, output)
    amounts, optimizer = unseen_data.claims(), optimizers.Adam(3e-3)
    return ready(model, amounts, likelihood, optimizer, 10, metrics=ERROR)


@faulty(
    "ratings-five-stars-of-a-sigmoid",
    (WRONG, TARGET),
    (SATURATED, VANISHING, "not-learning"),
    note="stars of 1 to 5 from a sigmoid",
    scaled=False,
    twin="ratings-shares",
)
@healthy("ratings-shares", scaled=True)
def ratings(scaled: bool) -> Setup:
    inputs = keras.Input((2,), dtype="int32")
    user = layers.Embedding(60, 8, "he_normal")(inputs[:, 0])
    film = layers.Embedding(80, 8, "he_normal")(inputs[:, 1])
    both = layers.Concatenate()([user * film, film])
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(both))
    stars = unseen_data.ratings()
    if scaled:
        stars = data.with_targets(stars, lambda y: (y - 1) / 4)
    return ready(model, stars, "mse", optimizers.Adam(0.01), 6, 64, ERROR)


@faulty(
    "pendulum-weights-of-one",
    (EXPLODING, INITIAL),
    (*WRECK, HIGH),
    note="`random_normal` was meant to be He's: a deviation of 1 in six layers",
    start=lambda: initializers.RandomNormal(stddev=1.0),
    twin="pendulum-six-layers",
)
@faulty(
    "pendulum-weights-of-a-thousandth",
    INITIAL,
    (VANISHING, "not-learning", LOW, DEAD),
    start=lambda: initializers.RandomNormal(stddev=0.001),
    twin="pendulum-six-layers",
)
@healthy("pendulum-six-layers", start=initializers.HeNormal)
def pendulum(start: Any) -> Setup:
    hidden = [layers.Dense(32, "relu", kernel_initializer=start()) for _ in range(6)]
    model = chain((2,), *hidden, layers.Dense(2))
    states, optimizer = unseen_data.pendulum(), optimizers.SGD(0.02, momentum=0.9)
    return ready(model, states, "mse", optimizer, 12, metrics=ERROR)


# Pictures


@faulty(
    "clothes-grey-levels-of-255",
    RAW,
    (*WRECK, HIGH),
    scale=255.0,
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-labels-of-another-order",
    LABELS,
    ("not-learning", LOOSE),
    mixed=True,
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-adam-0.1",
    HIGH,
    WRECK,
    optimizer=lambda: optimizers.Adam(0.1),
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-momentum-of-0.999",
    ("oscillating-loss", HIGH),
    WRECK,
    note="meant to be 0.9",
    optimizer=lambda: optimizers.SGD(0.1, momentum=0.999),
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-sgd-3e-6",
    LOW,
    IDLE,
    optimizer=lambda: optimizers.SGD(3e-6, momentum=0.9),
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-adadelta-of-1e-4",
    LOW,
    IDLE,
    optimizer=lambda: optimizers.Adadelta(1e-4),
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-dropout-of-0.9-thrice",
    TIGHT,
    IDLE,
    drop=0.9,
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-fifty-pictures",
    LOOSE,
    note="fifty pictures, forty epochs",
    n=50,
    epochs=40,
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-eight-sigmoid-convolutions",
    (VANISHING, HIDDEN),
    ("not-learning", SATURATED, INITIAL, LOW),
    activation="sigmoid",
    more=5,
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-prior-bias-in-hidden-layers",
    (DEAD, INITIAL),
    ("not-learning", VANISHING),
    note="the bias that was meant for rare positives, -4.6, in each layer",
    bias=-4.6,
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-softmax-in-each-convolution",
    HIDDEN,
    (VANISHING, "not-learning", LOW),
    activation="softmax",
    twin="clothes-three-convolutions",
)
@faulty(
    "clothes-relu-before-entropy",
    WRONG,
    STUCK,
    output="relu",
    twin="clothes-three-convolutions",
)
@healthy("clothes-three-convolutions")
def clothes(
    scale: float = 1.0,
    mixed: bool = False,
    optimizer: Any = None,
    drop: float = 0.0,
    n: int = 1200,
    epochs: int = 5,
    activation: str = "relu",
    more: int = 0,
    bias: float = 0.0,
    output: str = "softmax",
) -> Setup:
    (x, y), (xv, yv) = unseen_data.clothes(1200)
    pictures = (scale * x[:n], y[:n]), (scale * xv, yv)
    start = initializers.Constant(bias)

    def conv(filters: int, stride: int) -> list[Any]:
        made = layers.Conv2D(
            filters,
            3,
            stride,
            padding="same",
            activation=activation,
            bias_initializer=start,
        )
        return [made, layers.Dropout(drop)] if drop else [made]

    middle = [layer for _ in range(more) for layer in conv(16, 1)]
    model = chain(
        (14, 14, 1),
        *conv(12, 2),
        *conv(16, 2),
        *middle,
        *conv(16, 1),
        layers.Flatten(),
        layers.Dense(10, output),
    )
    optimizer = optimizer() if optimizer else optimizers.SGD(0.05, momentum=0.9)
    pictures = shuffled(pictures) if mixed else pictures
    return ready(model, pictures, SPARSE, optimizer, epochs)


@faulty(
    "boxes-in-pixels",
    (WRONG, TARGET),
    (SATURATED, VANISHING, "not-learning"),
    note="corners of 0 to 20 from a sigmoid",
    unit=20.0,
    twin="boxes-places",
)
@healthy("boxes-places", unit=1.0)
def boxes(unit: float) -> Setup:
    places = data.with_targets(unseen_data.boxes(), lambda y: unit * y["box"])
    model = chain(
        (20, 20, 1),
        layers.Conv2D(12, 3, 2, activation="relu"),
        layers.Conv2D(16, 3, 2, activation="relu"),
        layers.Flatten(),
        layers.Dense(48, "relu"),
        layers.Dense(4, "sigmoid"),
    )
    return ready(model, places, "mse", optimizers.Adam(3e-3), 8, metrics=ERROR)


@faulty(
    "streets-softmax-of-one-channel",
    WRONG,
    IDLE,
    note="each pixel is road, always",
    output="softmax",
    twin="streets-road-or-not",
)
@faulty("streets-adam-1e-6", LOW, IDLE, rate=1e-6, twin="streets-road-or-not")
@healthy("streets-road-or-not")
def road(output: str = "sigmoid", rate: float = 5e-3) -> Setup:
    binary = lambda y: (y == 1)[..., None].astype("float32")
    pictures = data.with_targets(unseen_data.streets(), binary)
    conv = lambda n, stride: layers.Conv2D(
        n, 3, stride, padding="same", activation="relu"
    )
    model = chain(
        (16, 16, 3),
        conv(8, 1),
        conv(16, 2),
        layers.UpSampling2D(),
        conv(8, 1),
        layers.Conv2D(1, 1, activation=output),
    )
    metrics, optimizer = ("binary_accuracy",), optimizers.Adam(rate)
    return ready(model, pictures, BINARY, optimizer, 5, 16, metrics=metrics)


@faulty(
    "digits-code-of-grey-levels-to-16",
    RAW,
    (*WRECK, WRONG, TARGET),
    note="a cross-entropy of 0..1, and pixels of 0..16",
    scale=1.0,
    twin="digits-code",
)
@faulty(
    "digits-code-l1-of-activities",
    TIGHT,
    (DEAD, VANISHING, "not-learning"),
    note="a penalty of 0.05 on each activity of the code",
    sparse=0.05,
    twin="digits-code",
)
@faulty(
    "digits-code-of-zeros",
    INITIAL,
    (VANISHING, "not-learning", DEAD),
    start="zeros",
    twin="digits-code",
)
@healthy("digits-code")
def code(scale: float = 16.0, sparse: float = 0.0, start: str = "he_uniform") -> Setup:
    (x, _), (xv, _) = data.digits(scale=scale)
    held = regularizers.L1(sparse) if sparse else None
    made = lambda n, **more: layers.Dense(n, "relu", kernel_initializer=start, **more)
    model = chain(
        (64,),
        made(40),
        made(12, activity_regularizer=held),
        made(40),
        layers.Dense(64, "sigmoid"),
    )
    pictures, optimizer = ((x, x), (xv, xv)), optimizers.Adam(3e-3)
    return ready(model, pictures, BINARY, optimizer, 8, metrics=ERROR)


# Texts


@faulty(
    "headlines-logits-without-saying",
    WRONG,
    STUCK,
    output=None,
    twin="headlines-gru",
)
@faulty(
    "headlines-word-numbers-into-dense",
    RAW,
    ("not-learning", LOOSE, "oscillating-loss"),
    note="numbers of words taken for amounts, where an embedding was due",
    embed=False,
    twin="headlines-gru",
)
@faulty("headlines-sgd-0.001", LOW, IDLE, rate=1e-3, sgd=True, twin="headlines-gru")
@faulty(
    "headlines-of-another-file",
    LABELS,
    ("not-learning", LOOSE),
    mixed=True,
    twin="headlines-gru",
)
@faulty("headlines-forty-texts", LOOSE, rows=40, epochs=40, twin="headlines-gru")
@faulty("headlines-adam-0.5", HIGH, WRECK, rate=0.5, twin="headlines-gru")
@faulty(
    "headlines-gru-of-softmax",
    HIDDEN,
    ("not-learning", VANISHING, LOW),
    activation="softmax",
    twin="headlines-gru",
)
@faulty(
    "headlines-l2-of-a-half",
    TIGHT,
    ("not-learning", VANISHING),
    penalty=0.5,
    twin="headlines-gru",
)
@healthy("headlines-gru")
def headlines(
    output: Any = "softmax",
    embed: bool = True,
    rate: float = 5e-3,
    sgd: bool = False,
    mixed: bool = False,
    rows: int | None = None,
    epochs: int = 6,
    activation: str = "tanh",
    penalty: float = 0.0,
) -> Setup:
    (x, y), held_out = unseen_data.headline_numbers()
    texts = (x[:rows], y[:rows]), held_out
    held = regularizers.L2(penalty) if penalty else None
    hidden = [
        layers.Embedding(55, 16, embeddings_regularizer=held),
        layers.GRU(16, activation, kernel_regularizer=held),
    ]
    if not embed:
        hidden = [layers.Dense(32, "relu"), layers.Dense(16, "relu")]
        texts = data.with_inputs(texts, lambda x: x.astype("float32"))
    model = chain((12,), *hidden, layers.Dense(5, output))
    optimizer = optimizers.SGD(rate) if sgd else optimizers.Adam(rate)
    texts = shuffled(texts) if mixed else texts
    return ready(model, texts, SPARSE, optimizer, epochs)


@faulty(
    "grammar-transformer-adam-0.1",
    HIGH,
    WRECK,
    rate=0.1,
    twin="grammar-transformer",
)
@healthy("grammar-transformer", rate=5e-3)
def grammar(rate: float) -> Setup:
    inputs = keras.Input((16,), dtype="int32")
    tokens = block(Places()(layers.Embedding(24, 24)(inputs)), 2, 48)
    outputs = layers.Dense(24, "softmax")(layers.LayerNormalization()(tokens))
    model = keras.Model(inputs, outputs)
    return ready(model, unseen_data.grammar(), SPARSE, optimizers.Adam(rate), 6)


@healthy("questions-by-distance", floor=1e-6)
def questions(floor: float) -> Setup:
    (x, y), held_out = unseen_data.questions()
    itself = (np.arange(len(y)) % 40 == 0)[:, None]
    x = {"one": x["one"], "two": np.where(itself, x["one"], x["two"])}
    y = np.where(itself[:, 0], 1, y)

    def contrast(same: Any, distance: Any) -> Any:
        same = ops.reshape(ops.cast(same, "float32"), (-1, 1))
        distance = ops.reshape(distance, (-1, 1))
        apart = ops.square(ops.relu(1 - distance))
        return ops.mean(same * ops.square(distance) + (1 - same) * apart, axis=-1)

    tower = chain(
        (6,), layers.Embedding(40, 12), layers.Flatten(), layers.Dense(16, "tanh")
    )
    inputs = {name: keras.Input((6,), name=name) for name in ("one", "two")}
    gap = ops.square(tower(inputs["one"]) - tower(inputs["two"]))
    total = ops.maximum(ops.sum(gap, -1, keepdims=True), floor)
    model = keras.Model(inputs, ops.sqrt(total))
    pairs, optimizer = ((x, y), held_out), optimizers.Adam(3e-3)
    return ready(model, pairs, contrast, optimizer, 8, metrics=())


# Series


@faulty(
    "load-in-kilowatts",
    (RAW, TARGET),
    (*WRECK, LOW),
    note="power of 10,000 to 40,000 in and out",
    raw=True,
    twin="load-lstm",
)
@faulty(
    "load-relu-output",
    WRONG,
    (DEAD, "not-learning"),
    note="half of the targets are below 0",
    output="relu",
    twin="load-lstm",
)
@faulty(
    "load-hours-of-another-order",
    LABELS,
    ("not-learning", LOOSE),
    mixed=True,
    twin="load-lstm",
)
@faulty(
    "load-sgd-of-30",
    HIGH,
    WRECK,
    optimizer=lambda: optimizers.SGD(30.0),
    twin="load-lstm",
)
@faulty(
    "load-sgd-1e-5",
    LOW,
    IDLE,
    optimizer=lambda: optimizers.SGD(1e-5),
    twin="load-lstm",
)
@healthy("load-lstm")
def load(
    raw: bool = False,
    output: Any = None,
    mixed: bool = False,
    optimizer: Any = None,
) -> Setup:
    hours = unseen_data.load()
    if raw:
        size, base = np.array([8e3, 12, 1]), np.array([2.5e4, 15, 0])
        hours = data.with_inputs(hours, lambda x: (x * size + base).astype("float32"))
        hours = data.with_targets(hours, lambda y: y * 8e3 + 2.5e4)
    model = chain((48, 3), layers.LSTM(16), layers.Dense(12, output))
    optimizer = optimizer() if optimizer else optimizers.Adam(0.01)
    hours = shuffled(hours) if mixed else hours
    return ready(model, hours, "mse", optimizer, 6, metrics=ERROR)


@faulty(
    "load-recurrence-that-grows",
    (EXPLODING, INITIAL),
    (*WRECK, HIGH, HIDDEN),
    note="a linear recurrence whose gain is 1.4, for 48 hours",
    gain=1.4,
    twin="load-linear-recurrence",
)
@healthy("load-linear-recurrence", gain=0.9)
def recurrence(gain: float) -> Setup:
    start = initializers.Orthogonal(gain)
    rnn = layers.SimpleRNN(16, "linear", recurrent_initializer=start)
    model, optimizer = chain((48, 3), rnn, layers.Dense(12)), optimizers.Adam(2e-3)
    return ready(model, unseen_data.load(), "mse", optimizer, 6, metrics=ERROR)


@faulty(
    "keywords-decibels-as-they-are",
    RAW,
    (*WRECK, HIGH),
    note="-80 to 0, SGD",
    scaled=False,
    twin="keywords-scaled",
)
@healthy("keywords-scaled", scaled=True)
def keywords(scaled: bool) -> Setup:
    words = unseen_data.keywords()
    if scaled:
        words = data.with_inputs(words, lambda x: (x + 26) / 12)
    model = chain(
        (20, 16, 1),
        layers.Conv2D(12, 3, 2, activation="relu"),
        layers.Conv2D(16, 3, 2, activation="relu"),
        layers.Flatten(),
        layers.Dense(6, "softmax"),
    )
    return ready(model, words, SPARSE, optimizers.SGD(0.03, momentum=0.9), 8)


@faulty(
    "wards-absent-is-not-a-number",
    NAN,
    (RAW,),
    note="the hours after a stay are NaN, not 0",
    fill=np.nan,
    twin="wards-absent-is-zero",
)
@healthy("wards-absent-is-zero", fill=0.0)
def wards(fill: float) -> Setup:
    absent = lambda x: np.all(x == -1, -1, keepdims=True)
    filled = lambda x: np.where(absent(x), fill, x).astype("float32")
    stays = data.with_inputs(unseen_data.wards(), filled)
    model = chain((18, 3), layers.GRU(12), layers.Dense(1, "sigmoid"))
    return ready(model, stays, BINARY, optimizers.Adam(5e-3), 6)
