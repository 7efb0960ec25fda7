"""Silent: losses that broadcast, one term that rules, outputs that cannot be meant."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from faults import data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import ready
from faults.build import said_of
from faults.case import Setup
from faults.silent_parts import accuracy
from faults.silent_parts import explained
from faults.silent_parts import faulty
from faults.silent_parts import figures
from faults.silent_parts import healthy
from faults.silent_parts import net
from faults.silent_parts import one_by_one
from faults.silent_parts import picture
from faults.silent_parts import repeatable
from faults.silent_parts import series
from faults.silent_parts import table
from faults.silent_parts import text
from faults.silent_parts import trained

layers = keras.layers
optimizers = keras.optimizers
IDLE = ("not-learning",)
TWICE, STATISTICS, SPREAD = "random-evaluation", "frozen-statistics", "broadcast-loss"
PADDED, RULES, CONSTANT = "padding-not-masked", "dominant-loss-term", "constant-output"
TOGETHER = "rows-not-independent"


# Evaluated twice, two answers


class Noisy(layers.Layer):
    """Noise that forgets, or knows, that there is evaluation."""

    def __init__(self, kind: str, always: bool) -> None:
        super().__init__()
        self.kind, self.always = kind, always
        self.drop = layers.Dropout(0.5)
        self.seeds = keras.random.SeedGenerator(5)

    def call(self, x: Any, training: bool = False) -> Any:
        training = True if self.always else training
        if self.kind == "dropout":
            return self.drop(x, training=training)
        if not training:
            return x
        noise = keras.random.normal(ops.shape(x), seed=self.seeds)
        return x + noise if self.kind == "sum" else x * (1 + noise)


@faulty("silent-table-dropout-for-ever", TWICE, twin="silent-table-dropout")
@healthy("silent-table-dropout", always=False)
def table_dropout(always: bool = True) -> Setup:
    hidden = [layers.Dense(48, "relu"), Noisy("dropout", always)]
    hidden += [layers.Dense(24, "relu")]
    return trained(
        "table", net("table", *hidden), epochs=20, score=repeatable(table()[1][0])
    )


@faulty("silent-picture-noise-for-ever", TWICE, twin="silent-picture-noise")
@healthy("silent-picture-noise", always=False)
def picture_noise(always: bool = True) -> Setup:
    hidden = [layers.Conv2D(8, 3, activation="relu"), Noisy("sum", always)]
    model = net("picture", *hidden, layers.MaxPooling2D(), layers.Flatten())
    return trained("picture", model, epochs=9, score=repeatable(picture()[1][0]))


@faulty("silent-figures-factor-for-ever", TWICE, twin="silent-figures-factor")
@healthy("silent-figures-factor", always=False)
def figures_factor(always: bool = True) -> Setup:
    hidden = [layers.Dense(48, "relu"), Noisy("factor", always)]
    model = net("figures", *hidden, layers.Dense(16, "relu"))
    return trained("figures", model, epochs=20, score=repeatable(figures()[1][0]))


class Words(layers.Layer):
    """Hides words at random: in training, or always."""

    def __init__(self, always: bool) -> None:
        super().__init__()
        self.always = always
        self.seeds = keras.random.SeedGenerator(5)

    def call(self, x: Any, training: bool = False) -> Any:
        if not (training or self.always):
            return x
        kept = keras.random.uniform(ops.shape(x), seed=self.seeds) > 0.3
        return x * ops.cast(kept, x.dtype)


@faulty("silent-text-words-hidden-for-ever", TWICE, twin="silent-text-words-hidden")
@healthy("silent-text-words-hidden", always=False)
def text_hidden(always: bool = True) -> Setup:
    hidden = [Words(always), layers.Embedding(60, 8), layers.GRU(16)]
    model = net("text", *hidden)
    return trained("text", model, epochs=14, score=repeatable(text()[1][0]))


# Batch normalisation that does not follow


@faulty("silent-picture-momentum-9999", STATISTICS, twin="silent-picture-momentum-9")
@healthy("silent-picture-momentum-9", momentum=0.9)
def picture_momentum(momentum: float = 0.9999) -> Setup:
    hidden = [
        layers.Conv2D(8, 3),
        layers.BatchNormalization(momentum=momentum),
        layers.Activation("relu"),
        layers.Conv2D(8, 3),
        layers.BatchNormalization(momentum=momentum),
        layers.Activation("relu"),
        layers.Flatten(),
    ]
    return trained("picture", net("picture", *hidden))


class Still(layers.Layer):
    """Batch normalisation that is told, or not, that there is training."""

    def __init__(self, told: bool) -> None:
        super().__init__()
        self.norm, self.told = layers.BatchNormalization(momentum=0.9), told

    def call(self, x: Any, training: bool = False) -> Any:
        return self.norm(x, training=training if self.told else False)


@faulty(
    "silent-table-raw-norm-in-inference",
    STATISTICS,
    ("unnormalized-input", *IDLE),
    twin="silent-table-raw-norm",
)
@healthy("silent-table-raw-norm", told=True)
def table_inference(told: bool = False) -> Setup:
    rows = data.table("wine", None)
    model = chain(
        (13,), Still(told), layers.Dense(8, "tanh"), layers.Dense(3, "softmax")
    )
    made = ready(model, rows, SPARSE, optimizers.Adam(0.01), 20, 16)
    made.score = accuracy(*rows[1])
    return made


@faulty(
    "silent-series-raw-norm-frozen",
    STATISTICS,
    ("unnormalized-input", "saturated-activation", *IDLE),
    twin="silent-series-raw-norm",
)
@healthy("silent-series-raw-norm", frozen=False)
def series_frozen_norm(frozen: bool = True) -> Setup:
    (x, y), (xv, yv) = series()
    rows = (200 + 60 * x, y), (200 + 60 * xv, yv)
    norm = layers.BatchNormalization(momentum=0.9)
    norm.trainable = not frozen
    hidden = [norm, layers.LSTM(12), layers.Dense(12, "tanh")]
    model = net("series", *hidden)
    return trained("series", model, rows, score=explained(*rows[1]))


@faulty("silent-figures-momentum-of-1", STATISTICS, twin="silent-figures-momentum")
@healthy("silent-figures-momentum", momentum=0.9)
def figures_momentum(momentum: float = 1.0) -> Setup:
    (x, y), (xv, yv) = figures()
    rows = (3 + 5 * x, y), (3 + 5 * xv, yv)
    hidden = [
        layers.Dense(32),
        layers.BatchNormalization(momentum=momentum),
        layers.Activation("relu"),
        layers.Dense(16, "relu"),
    ]
    return trained("figures", net("figures", *hidden), rows, score=explained(*rows[1]))


# Shapes that broadcast in a loss


class Squares(keras.losses.Loss):
    """Mean squared difference, as somebody wrote it down."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.square(y_true - y_pred)


class Focal(keras.losses.Loss):
    """Focal cross-entropy of probabilities."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        p = ops.clip(y_pred, 1e-6, 1 - 1e-6)
        y = ops.cast(y_true, p.dtype)
        sure = y * (1 - p) * ops.log(p) + (1 - y) * p * ops.log(1 - p)
        return -sure


def flat_targets(rows: Any, flat: bool) -> Any:
    (x, y), (xv, yv) = rows
    shape = (-1,) if flat else (-1, 1)
    return (x, y.reshape(shape)), (xv, yv.reshape(shape))


@faulty("silent-figures-loss-of-flat-targets", SPREAD, IDLE, twin="silent-figures-loss")
@healthy("silent-figures-loss", flat=False)
@faulty(
    "silent-series-loss-of-flat-targets",
    SPREAD,
    IDLE,
    twin="silent-series-loss",
    family="series",
)
@healthy("silent-series-loss", flat=False, family="series")
def own_loss(flat: bool = True, family: str = "figures") -> Setup:
    rows = {"figures": figures, "series": series}[family]()
    model = net(family)
    return trained(family, model, flat_targets(rows, flat), loss=Squares(), metrics=())


@faulty("silent-table-focal-of-flat-labels", SPREAD, IDLE, twin="silent-table-focal")
@healthy("silent-table-focal", flat=False)
def table_focal(flat: bool = True) -> Setup:
    rows = data.plane("moons")
    model = chain((2,), layers.Dense(24, "relu"), layers.Dense(1, "sigmoid"))
    made = ready(
        model,
        flat_targets(rows, flat),
        Focal(),
        optimizers.Adam(0.01),
        10,
        metrics=(),
    )
    made.score = accuracy(*rows[1])
    return made


class OwnLoss(keras.Model):
    """Computes its loss itself, of targets as they come."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **k: Any
    ):
        return ops.mean(ops.abs(ops.cast(y, "float32") - y_pred))


@faulty("silent-picture-counted-flat", SPREAD, IDLE, twin="silent-picture-counted")
@healthy("silent-picture-counted", flat=False)
def picture_counted(flat: bool = True) -> Setup:
    """The share of ink in the upper half of a picture, in units of its spread."""
    ink = lambda x: ((x[:, :4].mean((1, 2, 3)) - 0.3) / 0.08).astype("float32")
    (x, _), (xv, _) = picture()
    rows = flat_targets(((x, ink(x)), (xv, ink(xv))), flat)
    inputs = keras.Input((8, 8, 1))
    h = layers.Conv2D(8, 3, activation="relu")(inputs)
    h = layers.Dense(16, "relu")(layers.Flatten()(h))
    model = OwnLoss(inputs, layers.Dense(1)(h))
    made = ready(model, rows, None, optimizers.Adam(3e-3), 8, metrics=None)
    made.score = explained(xv, ink(xv)[:, None])
    return made


# Padding


def padded(length: int = 40, words: int = 60) -> Any:
    """Short texts of unlike length behind which there is nothing."""
    rng = np.random.default_rng(71)
    (x, y), (xv, yv) = text()

    def fill(x: Any) -> Any:
        out = np.zeros((len(x), length), "int32")
        for row, words in zip(out, x):
            kept = words[: rng.integers(12, 17)]
            row[: len(kept)] = kept
        return out

    return (fill(x), y), (fill(xv), yv)


@faulty("silent-text-rnn-over-padding", PADDED, IDLE, twin="silent-text-rnn-masked")
@healthy("silent-text-rnn-masked", masked=True)
@faulty(
    "silent-text-lstm-over-padding",
    PADDED,
    IDLE,
    twin="silent-text-lstm-masked",
    cell="lstm",
)
@healthy("silent-text-lstm-masked", masked=True, cell="lstm")
def text_padded(masked: bool = False, cell: str = "rnn") -> Setup:
    rows = padded()
    last = layers.SimpleRNN(16) if cell == "rnn" else layers.LSTM(16)
    model = chain(
        (40,),
        layers.Embedding(60, 8, mask_zero=masked),
        last,
        layers.Dense(2, "softmax"),
    )
    made = ready(model, rows, SPARSE, optimizers.Adam(5e-3), 10)
    made.score = accuracy(*rows[1])
    return made


@faulty("silent-series-stays-over-padding", PADDED, IDLE, twin="silent-series-stays")
@healthy("silent-series-stays", masked=True)
def series_padded(masked: bool = False) -> Setup:
    """Stays of 3 to 60 days, the rest 0, and where the last days have led."""
    rng = np.random.default_rng(72)
    steps = rng.normal(0.1, 1, (800, 60, 1))
    days = rng.integers(3, 61, 800)
    stay = np.arange(60)[None, :] < days[:, None]
    x = np.where(stay[..., None], steps, 0).astype("float32")
    last = np.stack([x[i, max(0, d - 3) : d, 0].sum() for i, d in enumerate(days)])
    rows = data.split(x, (last > 0.3).astype("int32"))
    first = [layers.Masking(0.0)] if masked else []
    model = chain((60, 1), *first, layers.LSTM(10), layers.Dense(1, "sigmoid"))
    made = ready(model, rows, BINARY, optimizers.Adam(0.01), 8)
    made.score = accuracy(*rows[1])
    return made


# One term that rules


class Penalised(layers.Layer):
    """Adds the size of its inputs to the loss, times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def call(self, x: Any) -> Any:
        self.add_loss(self.factor * ops.mean(ops.square(x)))
        return x


@faulty(
    "silent-table-penalty-of-activities",
    RULES,
    ("over-regularized", *IDLE),
    twin="silent-table-small-penalty",
)
@healthy("silent-table-small-penalty", factor=1e-4)
def table_penalty(factor: float = 1e3) -> Setup:
    hidden = [layers.Dense(24, "relu"), Penalised(factor), layers.Dense(24, "relu")]
    return trained("table", net("table", *hidden))


@faulty("silent-figures-age-and-price", RULES, IDLE, twin="silent-figures-two-scaled")
@healthy("silent-figures-two-scaled", unit=1.0)
def figures_two(unit: float = 3e3) -> Setup:
    """Two numbers of each row, one of them in small money."""
    (x, y), (xv, yv) = figures()
    rng = np.random.default_rng(73)
    other = lambda x: (x[:, :1] + rng.normal(0, 1, (len(x), 1))).astype("float32")
    rows = [(x, {"age": y, "price": unit * other(x)})]
    rows += [(xv, {"age": yv, "price": unit * other(xv)})]
    inputs = keras.Input((6,))
    h = layers.Dense(24, "relu")(layers.Dense(24, "relu")(inputs))
    outputs = {name: layers.Dense(1, name=name)(h) for name in ("age", "price")}
    model = keras.Model(inputs, outputs)
    made = ready(
        model,
        tuple(rows),
        {"age": "mse", "price": "mse"},
        optimizers.Adam(5e-3),
        14,
        metrics=None,
    )

    def score(model: Any, history: Any) -> float:
        said = said_of(model, xv)["age"]
        return float(1 - np.mean((said - yv) ** 2) / np.var(yv))

    made.score = score
    return made


class Drawn(layers.Layer):
    """Draws a code, and adds how far its law is from a normal one."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.seeds = keras.random.SeedGenerator(6)

    def call(self, x: Any) -> Any:
        mean, log_variance = ops.split(x, 2, axis=-1)
        excess = ops.square(mean) + ops.exp(log_variance) - log_variance - 1
        self.add_loss(self.factor * 0.5 * ops.mean(ops.sum(excess, -1)))
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        return mean + ops.exp(0.5 * log_variance) * noise


@faulty(
    "silent-picture-code-thrown-away",
    RULES,
    (*IDLE, CONSTANT),
    twin="silent-picture-code",
    note="the divergence counts a thousand times: the code says nothing",
)
@healthy("silent-picture-code", factor=2e-3)
def picture_code(factor: float = 20.0) -> Setup:
    (x, _), (xv, _) = data.digits()
    model = chain(
        (64,),
        layers.Dense(48, "relu"),
        layers.Dense(16),
        Drawn(factor),
        layers.Dense(48, "relu"),
        layers.Dense(64, "sigmoid"),
    )
    rows = (x, x), (xv, xv)
    made = ready(model, rows, "mse", optimizers.Adam(3e-3), 12, metrics=("mae",))
    mean = x.mean(0)

    def score(model: Any, history: Any) -> float:
        said = said_of(model, xv)
        return float(1 - np.mean((said - xv) ** 2) / np.mean((xv - mean) ** 2))

    made.score = score
    return made


class Smooth(keras.Model):
    """A forecaster whose own loss asks for small steps, far too much."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self.inner = factor, net("series")

    def call(self, x: Any) -> Any:
        said = self.inner(x)
        self.add_loss(self.factor * ops.mean(ops.square(said)))
        return said


@faulty(
    "silent-series-forecast-held-at-0",
    RULES,
    ("over-regularized", *IDLE),
    twin="silent-series-forecast-free",
)
@healthy("silent-series-forecast-free", factor=1e-3)
def series_smooth(factor: float = 300.0) -> Setup:
    return trained("series", Smooth(factor))


# Outputs that do not depend on their inputs


class Scaled(layers.Layer):
    """Multiplies by a gate that starts at `start` and may learn."""

    def __init__(self, start: float, learns: bool) -> None:
        super().__init__()
        self.start, self.learns = start, learns

    def build(self, shape: Any) -> None:
        start = keras.initializers.Constant(self.start)
        self.gate = self.add_weight(
            shape=(), initializer=start, trainable=self.learns, name="gate"
        )

    def call(self, x: Any) -> Any:
        return x * self.gate


@faulty(
    "silent-table-norm-of-one-feature",
    CONSTANT,
    (*IDLE, "dead-units", "vanishing-gradient"),
    twin="silent-table-norm-of-many",
)
@healthy("silent-table-norm-of-many", width=16)
def table_norm(width: int = 1) -> Setup:
    hidden = [layers.Dense(24, "relu"), layers.Dense(width)]
    hidden += [layers.LayerNormalization(), layers.Dense(24, "relu")]
    return trained("table", net("table", *hidden))


@faulty(
    "silent-picture-times-0",
    CONSTANT,
    (*IDLE, "vanishing-gradient", "dead-units"),
    twin="silent-picture-gate",
)
@healthy("silent-picture-gate", start=0.5, learns=True)
def picture_gate(start: float = 0.0, learns: bool = False) -> Setup:
    hidden = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten()]
    hidden += [Scaled(start, learns), layers.Dense(24, "relu")]
    return trained("picture", net("picture", *hidden))


class Centred(layers.Layer):
    """Centres along an axis, then takes the mean along one."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def call(self, x: Any) -> Any:
        x = (x - ops.mean(x, 1, keepdims=True)) / (ops.std(x, 1, keepdims=True) + 1e-3)
        return ops.mean(x, 1) if self.axis == 1 else ops.reshape(x, (-1, 20 * 8))


@faulty(
    "silent-series-mean-of-what-is-centred",
    CONSTANT,
    (*IDLE, "vanishing-gradient"),
    twin="silent-series-centred",
)
@healthy("silent-series-centred", axis=2)
def series_pooled(axis: int = 1) -> Setup:
    hidden = [layers.Dense(8, "tanh"), Centred(axis), layers.Dense(12, "tanh")]
    return trained("series", net("series", *hidden))


class Weighed(layers.Layer):
    """Sums words by the softmax of their scores, along one axis or the other."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis, self.score = axis, layers.Dense(1)

    def call(self, x: Any) -> Any:
        weights = ops.softmax(self.score(ops.tanh(x)), axis=self.axis)
        return ops.sum(weights * ops.sin(5 * x), 1) / (16 if self.axis == -1 else 1)


@healthy("silent-text-softmax-over-words", axis=1)
def text_weighed(axis: int = 1) -> Setup:
    """Which of two marked words comes after a mark; others are noise."""
    rng = np.random.default_rng(74)
    x = rng.integers(10, 60, (1200, 16))
    y = rng.integers(0, 2, 1200)
    noise = rng.integers(0, 16, 1200)
    x[np.arange(1200), noise] = np.where(rng.random(1200) < 0.5, 1, 2)
    other = (noise + rng.integers(1, 16, 1200)) % 16
    x[np.arange(1200), other] = 3 + y
    rows = data.split(x.astype("int32"), y.astype("int32"))
    model = chain(
        (16,), layers.Embedding(60, 6), Weighed(axis), layers.Dense(2, "softmax")
    )
    made = ready(model, rows, SPARSE, optimizers.Adam(0.01), 6)
    made.score = accuracy(*rows[1])
    return made


# Rows that depend on each other


class Across(layers.Layer):
    """Normalises, by softmax or by mean and spread, along an axis."""

    def __init__(self, kind: str, axis: int) -> None:
        super().__init__()
        self.kind, self.axis = kind, axis

    def call(self, x: Any) -> Any:
        if self.kind == "softmax":
            return ops.softmax(x, axis=self.axis)
        if self.kind == "norm":
            return ops.normalize(x, axis=self.axis)
        x = x - ops.mean(x, self.axis, keepdims=True)
        return x / (ops.std(x, self.axis, keepdims=True) + 1e-3)


@faulty("silent-table-softmax-over-rows", TOGETHER, IDLE, twin="silent-table-softmax")
@healthy("silent-table-softmax", axis=-1)
def table_rows(axis: int = 0) -> Setup:
    hidden = [layers.Dense(24, "relu"), layers.Dense(24, "relu"), layers.Dense(3)]
    chain_ = [keras.Input((4,)), *hidden, Across("softmax", axis)]
    model = keras.Sequential(chain_)
    loss = keras.losses.SparseCategoricalCrossentropy()
    score = one_by_one(*table()[1])
    return trained("table", model, loss=loss, score=score)


@faulty("silent-picture-standard-over-rows", TOGETHER, twin="silent-picture-standard")
@healthy("silent-picture-standard", axis=-1)
def picture_rows(axis: int = 0) -> Setup:
    hidden = [layers.Flatten(), layers.Dense(32), Across("standard", axis)]
    model = net("picture", *hidden, layers.Activation("relu"))
    return trained("picture", model, score=one_by_one(*picture()[1]))


@faulty("silent-text-unit-over-rows", TOGETHER, twin="silent-text-unit")
@healthy("silent-text-unit", axis=-1)
def text_rows(axis: int = 0) -> Setup:
    hidden = [layers.Embedding(60, 8), layers.GRU(16), Across("norm", axis)]
    model = net("text", *hidden, layers.Dense(16, "tanh"))
    return trained("text", model, score=one_by_one(*text()[1]))


class Looks(layers.Layer):
    """Attention within a row, or, its axes mixed up, between the rows of a batch."""

    def __init__(self, mixed: bool) -> None:
        super().__init__()
        self.mixed = mixed
        self.attention = layers.MultiHeadAttention(2, 6)

    def call(self, x: Any) -> Any:
        if self.mixed:
            x = ops.transpose(x, (1, 0, 2))
        x = x + self.attention(x, x)
        return ops.transpose(x, (1, 0, 2)) if self.mixed else x


@faulty("silent-series-attention-over-rows", TOGETHER, twin="silent-series-attention")
@healthy("silent-series-attention", mixed=False)
def series_rows(mixed: bool = True) -> Setup:
    xv, yv = series()[1]

    def score(model: Any, history: Any) -> float:
        said = model.predict(xv[:60], batch_size=1, verbose=0)
        return float(1 - np.mean((said - yv[:60]) ** 2) / np.var(yv[:60]))

    hidden = [layers.Dense(12, "tanh"), Looks(mixed), layers.Flatten()]
    model = net("series", *hidden, layers.Dense(16, "tanh"))
    return trained("series", model, score=score)


class Alike(layers.Layer):
    """Batch normalisation that always takes the batch's own mean and spread."""

    def __init__(self, always: bool) -> None:
        super().__init__()
        self.norm, self.always = layers.BatchNormalization(momentum=0.9), always

    def call(self, x: Any, training: bool = False) -> Any:
        return self.norm(x, training=True if self.always else training)


@faulty(
    "silent-figures-norm-of-the-batch",
    TOGETHER,
    twin="silent-figures-norm-of-all",
    accept=("frozen-statistics",),
)
@healthy("silent-figures-norm-of-all", always=False)
def figures_rows(always: bool = True) -> Setup:
    xv, yv = figures()[1]

    def score(model: Any, history: Any) -> float:
        said = model.predict(xv[:60], batch_size=1, verbose=0)
        return float(1 - np.mean((said - yv[:60]) ** 2) / np.var(yv[:60]))

    hidden = [layers.Dense(24), Alike(always), layers.Activation("relu")]
    return trained("figures", net("figures", *hidden), score=score)
