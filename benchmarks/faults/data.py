"""Small data sets, each as a pair of training and validation data.

The draws here are fixed; the seed of a case is for its weights and batches.
"""

from __future__ import annotations

import functools
import gzip
import os
from typing import Any

import keras
import numpy as np

Split = tuple[tuple[Any, Any], tuple[Any, Any]]
FASHION = os.path.expanduser("~/.keras/datasets/fashion-mnist")


def split(x: Any, y: Any, share: float = 0.25, limit: int | None = None) -> Split:
    """Shuffles and splits; `limit` is the most training examples to keep."""
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    kept = len(x) - int(len(x) * share)
    return (x[:kept][:limit], y[:kept][:limit]), (x[kept:], y[kept:])


def standard(x: Any) -> Any:
    return ((x - x.mean(0)) / (x.std(0) + 1e-9)).astype("float32")


def unit(x: Any) -> Any:
    """Scales each column to 0..1."""
    low, high = x.min(0), x.max(0)
    return ((x - low) / np.where(high > low, high - low, 1)).astype("float32")


def one_hot(data: Split, classes: int) -> Split:
    (x, y), (xv, yv) = data
    encode = keras.utils.to_categorical
    return (x, encode(y, classes)), (xv, encode(yv, classes))


def with_targets(data: Split, change: Any) -> Split:
    (x, y), (xv, yv) = data
    return (x, change(y)), (xv, change(yv))


def with_inputs(data: Split, change: Any) -> Split:
    (x, y), (xv, yv) = data
    return (change(x), y), (change(xv), yv)


@functools.cache
def digits(flat: bool = True, scale: float = 16.0) -> Split:
    """1348 images of 8 times 8 grey levels, 10 classes; some pixels are always 0."""
    from sklearn.datasets import load_digits

    found = load_digits()
    x = (found.images / scale).astype("float32")
    x = x.reshape(len(x), -1) if flat else x[..., None]
    return split(x, found.target.astype("int32"))


@functools.cache
def fashion(n: int = 2000, flat: bool = False, scale: float = 255.0) -> Split:
    """Images of 28 times 28, 10 classes; enlarged digits where the files are not."""
    try:
        x, y = _idx("train-images-idx3-ubyte"), _idx("train-labels-idx1-ubyte")
        x, y = x[: n + 500], y[: n + 500]
    except OSError:
        from sklearn.datasets import load_digits

        found = load_digits()
        x = np.kron(found.images, np.ones((3, 3))) * (255 / 16)
        x, y = np.pad(x, ((0, 0), (2, 2), (2, 2))), found.target
    x = (x / scale).astype("float32")
    x = x.reshape(len(x), -1) if flat else x[..., None]
    return split(x, y.astype("int32"), share=500 / len(x))


def _idx(name: str) -> Any:
    with gzip.open(f"{FASHION}/{name}.gz") as file:
        raw = file.read()
    sizes = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(sizes)


@functools.cache
def table(
    name: str, scale: str | None = "standard", target: str | None = None
) -> Split:
    """A table of scikit-learn: `iris`, `wine`, `cancer` or `diabetes`.

    Args:
        name: Which.
        scale: `"standard"`, `"unit"` (0 to 1) or `None` for the raw features.
        target: The same for the targets of `diabetes`; `None` leaves 25..346.
    """
    from sklearn import datasets

    load = {
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "cancer": datasets.load_breast_cancer,
        "diabetes": functools.partial(datasets.load_diabetes, scaled=False),
    }[name]
    x, y = load(return_X_y=True)
    scales = {"standard": standard, "unit": unit, None: np.float32}
    if name != "diabetes":
        return split(scales[scale](x), y.astype("int32"))
    return split(scales[scale](x), scales[target](y[:, None]))


@functools.cache
def plane(name: str, n: int = 1200, noise: float = 0.1, classes: int = 3) -> Split:
    """Points of the plane: `moons`, `circles`, `blobs`, `xor` or `spirals`."""
    from sklearn import datasets

    rng = np.random.default_rng(3)
    if name == "moons":
        x, y = datasets.make_moons(n, noise=noise, random_state=2)
    elif name == "circles":
        x, y = datasets.make_circles(n, noise=noise, factor=0.5, random_state=2)
    elif name == "blobs":
        x, y = datasets.make_blobs(n, centers=classes, cluster_std=1.5, random_state=4)
        x = x / 5
    elif name == "xor":
        x = rng.uniform(-1, 1, (n, 2))
        y = (x[:, 0] * x[:, 1] > 0).astype(int)
    else:
        radius, y = rng.uniform(0.1, 1, n), rng.integers(0, 2, n)
        angle = 6 * radius + np.pi * y + rng.normal(0, noise, n)
        x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return split(x.astype("float32"), y.astype("int32"))


@functools.cache
def waves(n: int = 600, length: int = 24, ahead: int = 1, noise: float = 0.05) -> Split:
    """Windows of a noisy sum of two sines, and the values that follow."""
    rng = np.random.default_rng(5)
    time = np.arange(n + length + ahead)
    series = 0.6 * np.sin(time / 5) + 0.3 * np.sin(time / 11 + 1)
    series = (series + rng.normal(0, noise, len(time))).astype("float32")
    x = np.stack([series[i : i + length, None] for i in range(n)])
    y = np.stack([series[i + length : i + length + ahead] for i in range(n)])
    return split(x, y)


@functools.cache
def tokens(n: int = 800, length: int = 20, words: int = 100, classes: int = 2) -> Split:
    """Sentences of word numbers; each class has words that it uses more often."""
    rng = np.random.default_rng(6)
    y = rng.integers(0, classes, n)
    x = rng.integers(1, words, (n, length))
    own = 1 + y[:, None] * 8 + rng.integers(0, 8, (n, length))
    x = np.where(rng.random((n, length)) < 0.3, own, x)
    return split(x.astype("int32"), y.astype("int32"))


@functools.cache
def signals(n: int = 600, length: int = 64) -> Split:
    """Noisy waves of three forms: sine, square and saw tooth; class is the form."""
    rng = np.random.default_rng(7)
    y = rng.integers(0, 3, n)
    time = np.arange(length) / length
    phase = rng.uniform(0, 1, (n, 1)) + rng.uniform(2, 5, (n, 1)) * time
    forms = np.stack(
        [
            np.sin(2 * np.pi * phase),
            np.sign(np.sin(2 * np.pi * phase)),
            2 * (phase % 1) - 1,
        ]
    )
    x = forms[y, np.arange(n)] + rng.normal(0, 0.2, (n, length))
    return split(x[..., None].astype("float32"), y.astype("int32"))


@functools.cache
def curve(n: int = 500, features: int = 6, noise: float = 0.1) -> Split:
    """A smooth regression: standard normal features, targets of about unit size."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(n, features)).astype("float32")
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.3 * x[:, 3] ** 2 - 0.3
    y = y + rng.normal(0, noise, n)
    return split(x, y[:, None].astype("float32"))


@functools.cache
def line(n: int = 400, features: int = 4, noise: float = 0.1) -> Split:
    """A linear regression on standard normal features."""
    rng = np.random.default_rng(9)
    x = rng.normal(size=(n, features)).astype("float32")
    y = x @ np.linspace(-1, 1.5, features) + 0.5 + rng.normal(0, noise, n)
    return split(x, y[:, None].astype("float32"))


@functools.cache
def noisy(n: int = 800, features: int = 10, share: float = 0.3) -> Split:
    """Two classes of which `share` of the labels are turned over at random."""
    rng = np.random.default_rng(10)
    x = rng.normal(size=(n, features)).astype("float32")
    y = (x[:, 0] + 0.5 * x[:, 1] > 0) ^ (rng.random(n) < share)
    return split(x, y.astype("int32"))


@functools.cache
def rare(n: int = 1200, share: float = 0.06) -> Split:
    """Two classes, one of them rare."""
    rng = np.random.default_rng(11)
    y = (rng.random(n) < share).astype("int32")
    x = rng.normal(size=(n, 8)) + 1.3 * y[:, None] * np.linspace(1, 0, 8)
    return split(x.astype("float32"), y)


@functools.cache
def counts(n: int = 600) -> Split:
    """Counts that follow a Poisson law with a rate that depends on the features."""
    rng = np.random.default_rng(12)
    x = rng.normal(size=(n, 5)).astype("float32")
    y = rng.poisson(np.exp(0.6 * x[:, 0] - 0.4 * x[:, 1] + 1))
    return split(x, y[:, None].astype("float32"))


@functools.cache
def tags(n: int = 700, labels: int = 5) -> Split:
    """Several labels at a time, each with a rule of its own."""
    rng = np.random.default_rng(13)
    x = rng.normal(size=(n, 12)).astype("float32")
    y = (x @ rng.normal(size=(12, labels)) > 1).astype("float32")
    return split(x, y)
