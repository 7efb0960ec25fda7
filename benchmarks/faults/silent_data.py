"""Silent: rows in order, too few of a kind, known beforehand, or always the same."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np

from faults import data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import ready
from faults.build import said_of
from faults.case import Setup
from faults.data import Split
from faults.silent_parts import accuracy
from faults.silent_parts import balanced
from faults.silent_parts import explained
from faults.silent_parts import faulty
from faults.silent_parts import figures
from faults.silent_parts import healthy
from faults.silent_parts import net
from faults.silent_parts import picture
from faults.silent_parts import series
from faults.silent_parts import table
from faults.silent_parts import text
from faults.silent_parts import trained
from faults.silent_parts import truthful

layers = keras.layers
optimizers = keras.optimizers
ops = keras.ops
IDLE = ("not-learning",)
LOOSE = ("overfitting",)
SORTED, RARE, OTHER = "unshuffled-data", "imbalanced-classes", "validation-differs"
SEEN, TOLD, SAME = "leaked-rows", "leaked-target", "target-equals-input"
AGAIN = "repeated-data"


# In order


def in_order(rows: Split) -> Split:
    (x, y), held_out = rows
    order = np.argsort(np.ravel(y), kind="stable")
    return (x[order], y[order]), held_out


@faulty(
    "silent-table-sorted-then-split",
    SORTED,
    (*LOOSE, OTHER),
    twin="silent-table-mixed-then-split",
)
@healthy("silent-table-mixed-then-split", ordered=False)
@faulty(
    "silent-figures-sorted-then-split",
    SORTED,
    (*LOOSE, OTHER),
    twin="silent-figures-mixed-then-split",
    family="figures",
)
@healthy("silent-figures-mixed-then-split", ordered=False, family="figures")
def split_by_fit(ordered: bool = True, family: str = "table") -> Setup:
    rows = (table if family == "table" else figures)()
    rows = in_order(rows) if ordered else rows
    made = trained(family, net(family), rows, validate=False)
    made.fit["validation_split"] = 0.25
    return made


@faulty("silent-picture-sorted-not-shuffled", SORTED, IDLE, twin="silent-picture-mixed")
@healthy("silent-picture-mixed", ordered=False)
def picture_in_order(ordered: bool = True) -> Setup:
    rows = in_order(picture()) if ordered else picture()
    return trained("picture", net("picture"), rows, shuffle=False)


class Blocks(keras.utils.PyDataset):
    """Batches in the order of the files: first all of one class, then the other."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x) // 25

    def __getitem__(self, i: int) -> Any:
        return self.x[25 * i : 25 * i + 25], self.y[25 * i : 25 * i + 25]


@faulty("silent-text-files-in-order", SORTED, IDLE, twin="silent-text-files-mixed")
@healthy("silent-text-files-mixed", ordered=False)
def text_in_order(ordered: bool = True) -> Setup:
    (x, y), _ = in_order(text()) if ordered else text()
    made = trained("text", net("text"), optimizer=optimizers.Adam(3e-3))
    made.x, made.y = Blocks(x, y), None
    made.fit = {"epochs": 14, "shuffle": False}
    return made


# Too few of a class


@functools.cache
def seldom(family: str, share: float) -> Split:
    """Rows of which few are of the class that matters."""
    rng = np.random.default_rng(63)
    if family == "table":
        y = (rng.random(1600) < share).astype("int32")
        x = rng.normal(size=(1600, 6)) + y[:, None] * np.linspace(1.3, 0, 6)
        return data.split(x.astype("float32"), y)
    (x, y), (xv, yv) = (picture if family == "picture" else text)()
    x, y = np.concatenate([x, xv]), np.concatenate([y, yv])
    y = (y == 8 if family == "picture" else y == 1).astype("int32")
    few = np.flatnonzero(y)
    drop = rng.permutation(few)[int(share * len(y)) :]
    kept = np.setdiff1d(np.arange(len(y)), drop)
    x, y = x[kept], y[kept]
    return data.split(x, y)


@faulty("silent-table-one-in-forty", RARE, twin="silent-table-one-in-forty-weighted")
@healthy("silent-table-one-in-forty-weighted", weighted=True)
@faulty(
    "silent-picture-one-in-fifty",
    RARE,
    twin="silent-picture-one-in-fifty-weighted",
    family="picture",
    share=0.02,
)
@healthy(
    "silent-picture-one-in-fifty-weighted", weighted=True, family="picture", share=0.02
)
@faulty(
    "silent-text-one-in-thirty",
    RARE,
    twin="silent-text-one-in-thirty-weighted",
    family="text",
    share=0.03,
)
@healthy("silent-text-one-in-thirty-weighted", weighted=True, family="text", share=0.03)
def rare(weighted: bool = False, family: str = "table", share: float = 0.025) -> Setup:
    rows = seldom(family, share)
    (_, y), held_out = rows
    head = layers.Dense(1, "sigmoid")
    bodies = {
        "table": [layers.Dense(8, "relu")],
        "picture": [layers.Conv2D(4, 3, activation="relu"), layers.Flatten()],
        "text": [layers.Embedding(60, 8), layers.GRU(12)],
    }
    shape = {"table": (6,), "picture": (8, 8, 1), "text": (16,)}[family]
    model = chain(shape, *bodies[family], head)
    part = y.mean()
    weights = {0: 0.5 / (1 - part), 1: 0.5 / part} if weighted else None
    metrics = (keras.metrics.AUC(name="auc"),) if weighted else ("accuracy",)
    optimizer = optimizers.Adam(3e-3 if family == "table" else 2e-3)
    epochs = 12 if weighted else 6
    made = ready(
        model, rows, BINARY, optimizer, epochs, metrics=metrics, class_weight=weights
    )
    made.score = balanced(*held_out)
    return made


# Validation data of another kind


def compared(family: str, change: Any, score: Any = None) -> Setup:
    """Trains as usual, with validation inputs that are changed."""
    rows, held_out = {"table": table, "picture": picture, "text": text}[family]()
    changed = rows, (change(held_out[0]), held_out[1])
    return trained(family, net(family), changed, score=score or truthful(*held_out))


@faulty("silent-picture-held-out-to-255", OTHER, LOOSE, twin="silent-picture-held-out")
@faulty(
    "silent-picture-held-out-negative",
    OTHER,
    LOOSE,
    twin="silent-picture-held-out",
    change=lambda x: 1 - x,
)
@healthy("silent-picture-held-out", change=lambda x: x)
def picture_held_out(change: Any = lambda x: 255 * x) -> Setup:
    return compared("picture", change)


@faulty("silent-table-held-out-in-inches", OTHER, LOOSE, twin="silent-table-held-out")
@faulty(
    "silent-table-held-out-of-other-columns",
    OTHER,
    LOOSE,
    twin="silent-table-held-out",
    change=lambda x: x[:, ::-1] * [1, 3, 1, 1] + [0, 0, 2, 0],
)
@healthy("silent-table-held-out", change=lambda x: x)
def table_held_out(change: Any = lambda x: x / 2.54 + 1) -> Setup:
    return compared("table", lambda x: change(x).astype("float32"))


@faulty("silent-text-other-vocabulary", OTHER, LOOSE, twin="silent-text-one-vocabulary")
@healthy("silent-text-one-vocabulary", step=0)
def text_held_out(step: int = 4) -> Setup:
    return compared("text", lambda x: (x + step) % 60)


@faulty("silent-series-held-out-raw", OTHER, LOOSE, twin="silent-series-held-out")
@healthy("silent-series-held-out", raw=False)
def series_held_out(raw: bool = True) -> Setup:
    rows, (xv, yv) = series()
    changed = rows, ((40 * xv + 200 if raw else xv), yv)

    def score(model: Any, history: Any) -> float:
        truth = explained(xv, yv)(model, history)
        return 1 - abs(1 - history["val_loss"][-1] / float(np.var(yv)) - truth)

    return trained("series", net("series"), changed, score=score)


# Rows, or answers, that are known beforehand


@functools.cache
def hard_rows(n: int = 500) -> tuple[Any, Any, Any, Any]:
    """Rows of which a quarter has a wrong label: by heart, they are all right."""
    rng = np.random.default_rng(64)
    x = rng.normal(size=(2 * n, 12)).astype("float32")
    y = ((x[:, 0] + x[:, 1] * x[:, 2] > 0) ^ (rng.random(2 * n) < 0.25)).astype("int32")
    return x[:n], y[:n], x[n:], y[n:]


@faulty("silent-table-copies-then-split", SEEN, LOOSE, twin="silent-table-split-first")
@healthy("silent-table-split-first", first=True)
def table_copies(first: bool = False) -> Setup:
    """Doubles the rows of one class, before the split or after it."""
    x, y, clean_x, clean_y = hard_rows()
    if first:
        rows = data.split(x, y)
    else:
        x, y = np.concatenate([x] * 3), np.concatenate([y] * 3)
        rows = data.split(x, y, limit=500)
    model = chain((12,), layers.Dense(16, "relu"), layers.Dense(2, "softmax"))
    if not first:
        model = chain((12,), layers.Dense(96, "relu"), layers.Dense(2, "softmax"))
    epochs = 6 if first else 40
    made = ready(model, rows, SPARSE, optimizers.Adam(5e-3), epochs)
    made.score = truthful(clean_x, clean_y)
    return made


@functools.cache
def hard_pictures() -> tuple[Split, Any]:
    rng = np.random.default_rng(65)
    (x, y), held_out = picture()
    y = np.where(rng.random(len(y)) < 0.3, rng.integers(0, 10, len(y)), y)
    return ((x[:500], y[:500]), (x[500:800], y[500:800])), held_out


@faulty("silent-picture-judged-by-training", SEEN, LOOSE, twin="silent-picture-judged")
@faulty(
    "silent-picture-judged-by-rounded-training",
    SEEN,
    LOOSE,
    twin="silent-picture-judged",
    kind="half",
)
@healthy("silent-picture-judged", kind="other", note="labels partly wrong")
def picture_seen(kind: str = "all") -> Setup:
    ((x, y), other), _ = hard_pictures()
    held_out = {
        "all": (x[:200], y[:200]),
        "half": (
            np.concatenate([x[:150], other[0][:50]]),
            np.concatenate([y[:150], other[1][:50]]),
        ),
        "other": other,
    }[kind]
    wide = [layers.Flatten(), layers.Dense(128, "relu")]
    small = [layers.Flatten(), layers.Dense(16, "relu"), layers.Dropout(0.2)]
    model = net("picture", *(small if kind == "other" else wide))
    rows = (x, y), held_out
    epochs = 8 if kind == "other" else 40
    return trained(
        "picture", model, rows, epochs=epochs, score=truthful(other[0], other[1])
    )


@faulty("silent-text-same-letters-twice", SEEN, LOOSE, twin="silent-text-letters-once")
@healthy("silent-text-letters-once", twice=False)
def text_seen(twice: bool = True) -> Setup:
    rng = np.random.default_rng(66)
    (x, y), held_out = text()
    y = np.where(rng.random(len(y)) < 0.25, 1 - y, y)
    x, y = x[:400], y[:400]
    if twice:
        rows = (x, y), (x[200:], y[200:])
    else:
        rows = (x[:300], y[:300]), (x[300:], y[300:])
    hidden = [layers.Embedding(60, 16), layers.Flatten(), layers.Dense(32, "relu")]
    few = [layers.Embedding(60, 6), layers.GRU(8)]
    model = net("text", *(hidden if twice else few))
    epochs = 25 if twice else 6
    noisy = held_out[0], np.where(rng.random(250) < 0.25, 1 - held_out[1], held_out[1])
    return trained("text", model, rows, epochs=epochs, score=truthful(*noisy))


@faulty("silent-table-label-among-columns", TOLD, twin="silent-table-columns")
@healthy("silent-table-columns", told=False)
def table_told(told: bool = True) -> Setup:
    (x, y), (xv, yv) = table()
    code = np.eye(3, dtype="float32")
    add = lambda x, y: np.concatenate([x, code[y] if told else 0 * code[y]], 1)
    rows = (add(x, y), y), (add(xv, yv), yv)
    model = chain(
        (7,),
        layers.Dense(24, "relu"),
        layers.Dense(24, "relu"),
        layers.Dense(3, "softmax"),
    )
    blank = np.concatenate([xv, 0 * code[yv]], 1)
    made = ready(model, rows, SPARSE, optimizers.Adam(5e-3), 14)
    made.score = accuracy(blank, yv)
    return made


@faulty("silent-figures-target-in-other-units", TOLD, twin="silent-figures-no-target")
@healthy("silent-figures-no-target", told=False)
def figures_told(told: bool = True) -> Setup:
    (x, y), (xv, yv) = figures()
    rng = np.random.default_rng(67)
    extra = lambda y: 1.8 * y + 0.3 if told else rng.normal(size=y.shape)
    add = lambda x, y: np.concatenate([x, extra(y)], 1).astype("float32")
    rows = (add(x, y), y), (add(xv, yv), yv)
    model = chain(
        (7,), layers.Dense(24, "relu"), layers.Dense(24, "relu"), layers.Dense(1)
    )
    metrics = ("mae",)
    made = ready(model, rows, "mse", optimizers.Adam(5e-3), 14, metrics=metrics)
    blank = np.concatenate([xv, np.zeros_like(yv)], 1)
    made.score = explained(blank, yv)
    return made


@functools.cache
def shaky(n: int = 900, length: int = 12) -> tuple[Any, Any]:
    """A series of which little can be foreseen, in windows that overlap."""
    rng = np.random.default_rng(68)
    value = np.zeros(n + length + 1)
    for t in range(1, len(value)):
        value[t] = 0.7 * value[t - 1] + rng.normal(0, 0.7)
    windows = np.stack([value[i : i + length + 1, None] for i in range(n)])
    return windows.astype("float32"), value


@faulty("silent-series-window-holds-the-answer", TOLD, twin="silent-series-window")
@healthy("silent-series-window", told=False, note="half of it can be foreseen")
def series_told(told: bool = True) -> Setup:
    windows, _ = shaky()
    x = windows[:, 1:] if told else windows[:, :-1]
    rows = data.split(x, windows[:, -1])
    clean = data.split(windows[:, :-1], windows[:, -1])[1]
    model = chain((12, 1), layers.GRU(12), layers.Dense(1))
    metrics = ("mae",)
    made = ready(model, rows, "mse", optimizers.Adam(5e-3), 10, metrics=metrics)
    made.score = explained(*clean)
    return made


@functools.cache
def chains(n: int = 500, length: int = 13, words: int = 16) -> Any:
    """Chains of words, each mostly the same word's successor."""
    rng = np.random.default_rng(69)
    after = rng.permutation(words)
    x = np.zeros((n, length), "int32")
    x[:, 0] = rng.integers(0, words, n)
    for t in range(1, length):
        known = rng.random(n) < 0.7
        x[:, t] = np.where(known, after[x[:, t - 1]], rng.integers(0, words, n))
    return x


def language_model(causal: bool) -> Any:
    inputs = keras.Input((12,), dtype="int32")
    h = layers.Embedding(16, 24)(inputs)
    h = h + layers.Embedding(12, 24)(ops.arange(12))
    seen = layers.MultiHeadAttention(2, 12)(h, h, use_causal_mask=causal)
    h = layers.LayerNormalization()(h + seen)
    h = layers.LayerNormalization()(h + layers.Dense(24, "relu")(h))
    return keras.Model(inputs, layers.Dense(16)(h))


@faulty("silent-text-no-causal-mask", TOLD, twin="silent-text-causal-mask")
@healthy("silent-text-causal-mask", causal=True)
@faulty(
    "silent-text-no-shift",
    SAME,
    twin="silent-text-shifted",
    causal=True,
    shift=0,
)
@healthy("silent-text-shifted", causal=True, note="the next word, of which .7 are sure")
def next_words(causal: bool = False, shift: int = 1) -> Setup:
    rows = chains()
    x, y = rows[:, :-1], rows[:, shift : 12 + shift]
    pair = (x[:380], y[:380]), (x[380:], y[380:])
    wanted = rows[380:, 12]

    def score(model: Any, history: Any) -> float:
        """Foretells the last word, where what follows it is not known."""
        hidden = rows[380:, :-1].copy()
        said = np.argmax(said_of(model, hidden)[:, 11], -1)
        if not causal:  # in use, later words are not there yet
            cut = hidden.copy()
            cut[:, 7:] = 0
            said = np.argmax(said_of(model, cut)[:, 6], -1)
            return float(np.mean(said == hidden[:, 7]))
        return float(np.mean(said == wanted))

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made = ready(language_model(causal), pair, loss, optimizers.Adam(5e-3), 12)
    made.score = score
    return made


@faulty("silent-series-last-value-again", SAME, twin="silent-series-four-steps-on")
@healthy("silent-series-four-steps-on", again=False)
def series_same(again: bool = True) -> Setup:
    (x, y), (xv, yv) = series()
    rows = ((x, x[:, -1]), (xv, xv[:, -1])) if again else ((x, y), (xv, yv))
    return trained("series", net("series"), rows, score=explained(xv, yv))


@faulty("silent-picture-noise-as-target", SAME, twin="silent-picture-without-noise")
@healthy("silent-picture-without-noise", again=False)
def picture_same(again: bool = True) -> Setup:
    (x, _), (xv, _) = picture()
    rng = np.random.default_rng(70)
    noise = lambda x: (x + rng.normal(0, 0.3, x.shape)).astype("float32")
    dirty, dirty_v = noise(x), noise(xv)
    rows = (dirty, dirty if again else x), (dirty_v, dirty_v if again else xv)
    model = chain(
        (8, 8, 1),
        layers.Conv2D(12, 3, padding="same", activation="relu"),
        layers.Conv2D(12, 3, padding="same", activation="relu"),
        layers.Conv2D(1, 3, padding="same"),
    )
    metrics = ("mae",)
    made = ready(model, rows, "mse", optimizers.Adam(5e-3), 8, metrics=metrics)
    made.score = explained(dirty_v, xv)
    return made


# Again and again


class Stuck(keras.utils.PyDataset):
    """Batches of pictures, or always the first ones."""

    def __init__(self, x: Any, y: Any, distinct: int | None) -> None:
        super().__init__()
        self.x, self.y, self.distinct = x, y, distinct

    def __len__(self) -> int:
        return len(self.x) // 32

    def __getitem__(self, i: int) -> Any:
        i = i % self.distinct if self.distinct else i
        return self.x[32 * i : 32 * i + 32], self.y[32 * i : 32 * i + 32]


@faulty("silent-picture-first-batch-again", AGAIN, LOOSE, twin="silent-picture-batches")
@healthy("silent-picture-batches", distinct=None)
@faulty(
    "silent-text-two-batches-again",
    AGAIN,
    LOOSE,
    twin="silent-text-batches",
    family="text",
    distinct=2,
)
@healthy("silent-text-batches", family="text", distinct=None)
@faulty(
    "silent-figures-three-batches-again",
    AGAIN,
    LOOSE,
    twin="silent-figures-batches",
    family="figures",
    distinct=3,
)
@healthy("silent-figures-batches", family="figures", distinct=None)
def stuck(distinct: int | None = 1, family: str = "picture") -> Setup:
    (x, y), _ = {"picture": picture, "text": text, "figures": figures}[family]()
    made = trained(family, net(family))
    made.x, made.y = Stuck(x, y, distinct), None
    del made.fit["batch_size"]
    return made


@faulty(
    "silent-table-take-then-repeat",
    AGAIN,
    LOOSE,
    twin="silent-table-repeat",
    bound_to="tensorflow",
)
@healthy("silent-table-repeat", bound_to="tensorflow", taken=None)
def table_again(taken: int | None = 2) -> Setup:
    import tensorflow as tf

    (x, y), _ = table()
    rows = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(700, seed=0).batch(32)
    if taken:
        rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(32).take(taken)
    made = trained("table", net("table"))
    made.x, made.y = rows.repeat(), None
    made.fit = {"epochs": 12, "steps_per_epoch": 20}
    return made
