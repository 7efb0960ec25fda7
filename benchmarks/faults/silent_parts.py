"""What the silent cases share: five families of data, nets for them, and scores."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from faults import case
from faults import data
from faults import fresh_data
from faults.build import SPARSE
from faults.build import ready
from faults.build import said_of
from faults.case import Setup
from faults.data import Split

healthy = functools.partial(case.healthy, part="silent")
faulty = functools.partial(case.faulty, part="silent")
layers = keras.layers
optimizers = keras.optimizers
Score = Callable[[Any, Any], float]


# How good a trained model is, on rows that are right


def accuracy(x: Any, y: Any) -> Score:
    def score(model: Any, history: Any) -> float:
        return float(np.mean(_classes(said_of(model, x)) == np.ravel(y)))

    return score


def balanced(x: Any, y: Any) -> Score:
    """Mean over the classes of the share that is found."""

    def score(model: Any, history: Any) -> float:
        found = _classes(said_of(model, x)) == np.ravel(y)
        return float(np.mean([found[np.ravel(y) == k].mean() for k in np.unique(y)]))

    return score


def one_by_one(x: Any, y: Any, rows: int = 60) -> Score:
    """Accuracy where each row is alone in its batch."""

    def score(model: Any, history: Any) -> float:
        said = model.predict(x[:rows], batch_size=1, verbose=0)
        return float(np.mean(_classes(said) == np.ravel(y)[:rows]))

    return score


def explained(x: Any, y: Any) -> Score:
    """Share of the variance of numbers that is explained."""

    def score(model: Any, history: Any) -> float:
        said = np.asarray(said_of(model, x))
        if said.ndim > y.ndim:
            said = said.reshape(y.shape)
        return float(1 - np.mean((said.reshape(y.shape) - y) ** 2) / np.var(y))

    return score


def truthful(x: Any, y: Any) -> Score:
    """How near the reported validation accuracy is to that on rows that are right."""

    def score(model: Any, history: Any) -> float:
        truth = accuracy(x, y)(model, history)
        return 1 - abs(history["val_accuracy"][-1] - truth)

    return score


def repeatable(x: Any) -> Score:
    """How near two predictions for the same rows are."""

    def score(model: Any, history: Any) -> float:
        one, two = (np.asarray(said_of(model, x)) for _ in range(2))
        return float(1 - np.abs(one - two).mean() / (one.std() + 1e-9))

    return score


def _classes(said: Any) -> Any:
    said = np.asarray(said)
    if said.shape[-1] == 1:
        return (said.ravel() > 0.5).astype(int)
    return said.argmax(-1).ravel()


# Families


def table() -> Split:
    """Shells around the origin, three classes: no layer may be missing."""
    return fresh_data.rings()


def picture() -> Split:
    return data.digits(flat=False)


@functools.cache
def text(n: int = 1000, length: int = 16, words: int = 60) -> Split:
    """Sentences of a mood and a negation, which together make the class."""
    rng = np.random.default_rng(61)
    mood, turned = rng.integers(0, 2, n), rng.integers(0, 2, n)
    x = rng.integers(10, words, (n, length))
    for row, (m, t) in enumerate(zip(mood, turned)):
        places = rng.permutation(length)
        x[row, places[:4]] = 1 + 3 * m + rng.integers(0, 3, 4)
        if t:
            x[row, places[4:7]] = 7 + rng.integers(0, 3, 3)
    return data.split(x.astype("int32"), (mood ^ turned).astype("int32"))


@functools.cache
def series(n: int = 700, length: int = 20) -> Split:
    """Windows of a wave whose pace changes, and the value four steps on."""
    rng = np.random.default_rng(62)
    time = np.arange(n + length + 4)
    phase = np.cumsum(0.4 + 0.1 * np.sin(time / 40))
    value = np.sin(phase) + 0.05 * rng.normal(size=len(time))
    x = np.stack([value[i : i + length, None] for i in range(n)])
    y = np.stack([value[i + length + 3 : i + length + 4] for i in range(n)])
    return data.split(x.astype("float32"), y.astype("float32"))


def figures() -> Split:
    """A smooth function of six numbers."""
    return data.curve(700)


DATA = {
    "table": table,
    "picture": picture,
    "text": text,
    "series": series,
    "figures": figures,
}
SHAPES = {
    "table": ((4,), "float32"),
    "picture": ((8, 8, 1), "float32"),
    "text": ((16,), "int32"),
    "series": ((20, 1), "float32"),
    "figures": ((6,), "float32"),
}


def input_of(family: str) -> Any:
    shape, dtype = SHAPES[family]
    return keras.Input(shape, dtype=dtype)


def body(family: str) -> list[Any]:
    """Returns the hidden layers of an ordinary net for the family."""
    if family == "picture":
        return [
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(12, 2, activation="relu"),
            layers.Flatten(),
        ]
    if family == "text":
        return [layers.Embedding(60, 8), layers.GRU(16)]
    if family == "series":
        return [layers.LSTM(12), layers.Dense(12, "tanh")]
    return [layers.Dense(24, "relu"), layers.Dense(24, "relu")]


def output(family: str) -> Any:
    if family in ("series", "figures"):
        return layers.Dense(1)
    return layers.Dense({"table": 3, "picture": 10, "text": 2}[family], "softmax")


def net(family: str, *hidden: Any) -> Any:
    """Returns a sequential model of the given hidden layers, or of the usual ones."""
    chain = [*(hidden or body(family)), output(family)]
    return keras.Sequential([input_of(family), *chain])


EPOCHS = {"table": 14, "picture": 7, "text": 10, "series": 10, "figures": 14}


def trained(
    family: str,
    model: Any,
    rows: Split | None = None,
    optimizer: Any = None,
    score: Score | None = None,
    **arguments: Any,
) -> Setup:
    """Compiles as is usual in the family; by default judged on its held-out rows."""
    numbers = family in ("series", "figures")
    rows = rows or DATA[family]()
    arguments.setdefault("loss", "mse" if numbers else SPARSE)
    arguments.setdefault("epochs", EPOCHS[family])
    arguments.setdefault("metrics", ("mae",) if numbers else ("accuracy",))
    made = ready(model, rows, optimizer=optimizer or optimizers.Adam(5e-3), **arguments)
    made.score = score or scored(family)
    return made


def scored(family: str) -> Score:
    _, held_out = DATA[family]()
    return (explained if family in ("series", "figures") else accuracy)(*held_out)
