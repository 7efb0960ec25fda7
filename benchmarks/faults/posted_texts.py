"""Posted: classifications of texts, prices, tags and features, and what helped."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

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
from faults.posted import EXPLODING
from faults.posted import HIDDEN
from faults.posted import IDLE
from faults.posted import INITIAL
from faults.posted import LABELS
from faults.posted import LOOSE
from faults.posted import NAN
from faults.posted import VANISHING
from faults.posted import WRONG
from faults.posted import faulty
from faults.posted import healthy

layers = keras.layers
initializers = keras.initializers
optimizers = keras.optimizers


@functools.cache
def quotes(n: int = 2000) -> Split:
    """Ten quotes of four prices each, and whether they rise; three in five do."""
    rng = np.random.default_rng(91)
    y = rng.random((n, 1)) < 0.6
    steps = rng.normal(0, 1, (n, 10)) + np.where(y, 0.45, -0.45)
    price = np.cumsum(steps, 1)[..., None] + rng.normal(0, 0.5, (n, 10, 4))
    price = (price - price.mean()) / price.std()
    return split(price.astype("float32"), y.astype("float32"))


@faulty(
    "posted-quotes-one-softmax-unit",
    WRONG,
    IDLE,
    note="a softmax of one unit is 1 for each row: all are of class 1 (Stack "
    "Overflow); today the loss, taken from the logits, falls all the same",
    output="softmax",
    twin="posted-quotes-one-sigmoid-unit",
)
@healthy("posted-quotes-one-sigmoid-unit", output="sigmoid")
def rises(output: str) -> Setup:
    def block(*before: Any) -> list[Any]:
        return [*before, layers.BatchNormalization(), layers.LeakyReLU()]

    model = chain(
        (10, 4),
        *block(layers.Conv1D(16, 4, padding="same")),
        layers.Dropout(0.2),
        *block(layers.Conv1D(8, 4, padding="same")),
        layers.Dropout(0.2),
        *block(layers.Flatten(), layers.Dense(64)),
        layers.Dense(1, output),
    )
    return ready(model, quotes(), BINARY, "adam", 15, 128)


@functools.cache
def tagged(n: int = 1200, words: int = 200, tags: int = 6) -> Split:
    """Which words a text has, and its tags: about half of six."""
    rng = np.random.default_rng(92)
    y = rng.random((n, tags)) < np.linspace(0.3, 0.7, tags)
    meant = np.repeat(y, 8, axis=1) & (rng.random((n, 8 * tags)) < 0.4)
    x = rng.random((n, words)) < 0.08
    x[:, : 8 * tags] |= meant
    return split(x.astype("float32"), y.astype("float32"))


@faulty(
    "posted-tags-softmax",
    WRONG,
    IDLE,
    note="several tags at a time from a softmax (Stack Overflow 44164749); today the "
    "loss, taken from the logits, falls all the same",
    output="softmax",
    twin="posted-tags-sigmoid",
)
@healthy("posted-tags-sigmoid", output="sigmoid")
def tags(output: str) -> Setup:
    model = chain(
        (200,),
        layers.Dense(256, "relu"),
        layers.Dropout(0.1),
        layers.Dense(60, "relu"),
        layers.Dropout(0.1),
        layers.Dense(6, output),
    )
    optimizer = optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    metrics = ("binary_accuracy",)
    return ready(model, tagged(), BINARY, optimizer, 18, metrics=metrics)


@functools.cache
def reviews(n: int = 2600, length: int = 40, words: int = 1500) -> Split:
    """Texts of word numbers with one to five stars; some stars are a neighbour's."""
    rng = np.random.default_rng(93)
    y = rng.integers(0, 5, n)
    x = rng.integers(1, words, (n, length))
    felt = np.clip(y + rng.choice([-1, 0, 0, 0, 1], n), 0, 4)
    own = 1 + 20 * felt[:, None] + rng.integers(0, 20, (n, length))
    x = np.where(rng.random((n, length)) < 0.15, own, x)
    return split(x.astype("int32"), y.astype("int32"))


@faulty(
    "posted-reviews-learnt-by-heart",
    LOOSE,
    note="embedding, convolution, a large flat layer: the loss on held-out reviews "
    "rises from the second epoch on (Data Science 47720)",
    n=400,
    twin="posted-reviews-more-and-dropout",
)
@healthy("posted-reviews-more-and-dropout", drop=0.5, epochs=6)
def stars(n: int | None = None, drop: float = 0.0, epochs: int = 18) -> Setup:
    (x, y), held_out = reviews()
    texts = data.one_hot(((x[:n], y[:n]), held_out), 5)
    pool = layers.GlobalMaxPooling1D() if drop else layers.MaxPooling1D(2)
    model = chain(
        (40,),
        layers.Embedding(1500, 32),
        layers.Dropout(drop),
        layers.Conv1D(32, 1 if drop else 8, activation="relu"),
        pool,
        layers.Flatten(),
        layers.Dropout(drop / 2),
        layers.Dense(10, "relu"),
        layers.Dense(5, "softmax"),
    )
    return ready(model, texts, ONE_HOT, "adam", epochs)


@faulty(
    "posted-sentences-three-normalised-layers",
    LOOSE,
    note="a convolution and three normalised layers on few sentences: the held-out "
    "loss never falls (Data Science 65471)",
    n=300,
    twin="posted-sentences-smaller-net",
)
@healthy("posted-sentences-smaller-net", small=True)
def liked(n: int | None = None, small: bool = False) -> Setup:
    (x, y), held_out = reviews()
    texts = data.with_targets(((x[:n], y[:n]), held_out), lambda y: (y > 2) * 1)
    inner: list[Any] = [layers.Dropout(0.5)]
    if not small:
        inner = [
            layer
            for width in (50, 50, 25)
            for layer in (layers.Dense(width, "relu"), layers.BatchNormalization())
        ]
    model = chain(
        (40,),
        layers.Embedding(1500, 16 if small else 32),
        layers.Conv1D(16 if small else 64, 5, activation="relu"),
        layers.GlobalMaxPooling1D(),
        *inner,
        layers.Dense(1, "sigmoid"),
    )
    return ready(model, texts, BINARY, "adam", 4 if small else 12)


@functools.cache
def letters(n: int = 1000, length: int = 60) -> Split:
    """Texts of letters in which one of four groups of words is written."""
    rng = np.random.default_rng(94)
    y, x = rng.integers(0, 4, n), rng.integers(0, 40, (n, length))
    words = rng.integers(0, 40, (4, 3, 5))
    for row, group in zip(x, y, strict=True):
        for place in rng.choice(length // 5, 5, replace=False):
            row[5 * place : 5 * place + 5] = words[group, rng.integers(3)]
    return split(x.astype("int32"), y.astype("int32"))


@faulty(
    "posted-letters-relu-above-a-threshold",
    (DEAD, HIDDEN),
    ("not-learning", VANISHING, INITIAL),
    note="`ThresholdedReLU` makes 0 of all that small weights give: the same four "
    "shares for each text (GitHub CharCnn_Keras 1)",
    threshold=1.0,
    twin="posted-letters-relu",
)
@healthy("posted-letters-relu", threshold=0.0)
def characters(threshold: float) -> Setup:
    start = lambda: initializers.RandomNormal(stddev=0.05)
    active = lambda: layers.ReLU(threshold=threshold)
    model = chain(
        (60,),
        layers.Embedding(40, 24),
        layers.Conv1D(48, 5, kernel_initializer=start()),
        active(),
        layers.MaxPooling1D(3),
        layers.Conv1D(48, 3, kernel_initializer=start()),
        active(),
        layers.MaxPooling1D(3),
        layers.Flatten(),
        layers.Dense(64, kernel_initializer=start()),
        active(),
        layers.Dropout(0.5),
        layers.Dense(4, "softmax", kernel_initializer=start()),
    )
    return ready(model, letters(), SPARSE, "adam", 12)


@functools.cache
def bottleneck(n: int = 1000, features: int = 256) -> Split:
    """What a trained net makes of pictures, those of the first class first."""
    rng = np.random.default_rng(95)
    part = lambda m: (rng.random((m, 1)), np.repeat([0.0, 1.0], m // 2)[:, None])
    sides = rng.normal(0, 0.25, (2, features))
    parts = []
    for m in (n, 400):
        light, y = part(m)
        x = rng.normal(0, 1, (m, features)) + sides[y[:, 0].astype(int)] + light - 0.8
        parts.append((x.clip(0).astype("float32"), y.astype("float32")))
    return parts[0], parts[1]


@faulty(
    "posted-bottleneck-shuffled-pictures",
    LABELS,
    ("not-learning", LOOSE),
    note="features of pictures that the generator shuffled, labels in the order of "
    "the folders (GitHub keras 7520)",
    mixed=True,
    twin="posted-bottleneck-in-order",
)
@healthy("posted-bottleneck-in-order", mixed=False)
def top_model(mixed: bool) -> Setup:
    pictures = bottleneck()
    if mixed:
        rng = np.random.default_rng(1)
        pictures = data.with_inputs(pictures, rng.permutation)
    model = chain(
        (256,),
        layers.Dense(64, "relu"),
        layers.Dropout(0.5),
        layers.Dense(1, "sigmoid"),
    )
    return ready(model, pictures, BINARY, "rmsprop", 15)


@functools.cache
def apart(n: int = 800, features: int = 10) -> Split:
    """Two classes that no two points make one doubt of."""
    rng = np.random.default_rng(96)
    y = rng.integers(0, 2, (n, 1))
    x = rng.normal(0, 0.6, (n, features)) + np.where(y, 1, -1)
    return split(x.astype("float32"), y.astype("float32"))


@faulty(
    "posted-entropy-without-a-fuzz",
    NAN,
    (EXPLODING, "not-learning", WRONG),
    note="a logistic loss written out: NaN once all is right, for a probability of "
    "just 1 makes 0 times a logarithm of 0 (GitHub keras 198, before Keras clipped)",
    fuzz=0.0,
    twin="posted-entropy-with-a-fuzz",
)
@healthy("posted-entropy-with-a-fuzz", fuzz=1e-7)
def by_hand(fuzz: float) -> Setup:
    def entropy(target: Any, share: Any) -> Any:
        share = ops.clip(share, fuzz, 1 - fuzz)
        right = target * ops.log(share) + (1 - target) * ops.log(1 - share)
        return -ops.mean(right, axis=-1)

    model = dense(10, (32,), 1, "sigmoid")
    return ready(model, apart(), entropy, optimizers.RMSprop(0.01), 12, 16)
