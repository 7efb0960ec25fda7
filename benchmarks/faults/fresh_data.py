"""Data for the fresh cases: tables, texts, pictures, series, all made here."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from faults.data import Split
from faults.data import split
from faults.data import standard

Named = dict[str, Any]


def split_named(x: Named, y: Any, share: float = 0.25) -> Any:
    """`split` for inputs, and perhaps targets, that have names."""
    rows = np.arange(len(next(iter(x.values()))))
    (kept, _), (held, _) = split(rows, rows, share)

    def take(values: Any, which: Any) -> Any:
        if isinstance(values, dict):
            return {name: value[which] for name, value in values.items()}
        return values[which]

    return (take(x, kept), take(y, kept)), (take(x, held), take(y, held))


# Tables


@functools.cache
def patients(n: int = 768, flipped: float = 0.08, share: float = 0.35) -> Split:
    """Eight measurements, standard, and whether one falls ill."""
    from sklearn.datasets import make_classification

    x, y = make_classification(
        n,
        n_features=8,
        n_informative=5,
        n_redundant=1,
        weights=[1 - share],
        flip_y=flipped,
        class_sep=1.2,
        random_state=21,
    )
    return split(standard(x), y.astype("int32"))


@functools.cache
def friedman(n: int = 800, noise: float = 1.0, width: int = 10) -> Split:
    """Features of 0..1 and targets of about 0..28, smooth but not linear."""
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(n, width, noise=noise, random_state=22)
    return split(x.astype("float32"), y[:, None].astype("float32"))


@functools.cache
def houses(n: int = 800, unit: float = 1.0) -> Split:
    """Raw columns (area, rooms, age, distance), and prices of 60..500 units."""
    rng = np.random.default_rng(23)
    area = rng.uniform(40, 220, n)
    rooms = np.clip(np.round(area / 30 + rng.normal(0, 0.8, n)), 1, 8)
    age, distance = rng.uniform(0, 80, n), rng.gamma(2, 4, n)
    price = 1.8 * area + 9 * rooms + 60 * np.exp(-distance / 6) - 0.6 * age + 40
    price = unit * (price + rng.normal(0, 12, n))
    x = np.stack([area, rooms, age, distance], 1)
    return split(x.astype("float32"), price[:, None].astype("float32"))


@functools.cache
def rings(n: int = 900, features: int = 4, classes: int = 3) -> Split:
    """Shells around the origin: no plane separates them."""
    from sklearn.datasets import make_gaussian_quantiles

    x, y = make_gaussian_quantiles(
        n_samples=n, n_features=features, n_classes=classes, random_state=24
    )
    return split(x.astype("float32"), y.astype("int32"))


@functools.cache
def census(n: int = 1000, dollars: bool = False) -> Any:
    """Numbers and categories of people, by name, and who earns much.

    Args:
        n: How many.
        dollars: Whether the numbers stay as they are: capital of up to 1e5.
    """
    rng = np.random.default_rng(25)
    age, hours = rng.uniform(18, 70, n), rng.normal(40, 9, n)
    capital = rng.exponential(9000, n)
    job, school = rng.integers(0, 8, n), rng.integers(0, 5, n)
    score = 0.04 * (age - 40) + 0.06 * (hours - 40) + capital / 9000 - 1
    score += np.linspace(-1.5, 1.5, 8)[rng.permutation(8)][job] + 0.7 * (school - 2)
    y = (1.5 * score + rng.logistic(size=n) > 0.5).astype("int32")
    numbers = np.stack([age, hours, capital], 1)
    numbers = numbers.astype("float32") if dollars else standard(numbers)
    x = {"numbers": numbers, "job": job[:, None], "school": school[:, None]}
    return split_named(x, y)


@functools.cache
def mushrooms(n: int = 800) -> Split:
    """Six categories, one-hot in 24 columns, and a rule that uses two of them."""
    rng = np.random.default_rng(26)
    kinds = rng.integers(0, 4, (n, 6))
    y = ((kinds[:, 0] + kinds[:, 2]) % 4 < 2) ^ (rng.random(n) < 0.03)
    x = np.eye(4, dtype="float32")[kinds].reshape(n, 24)
    return split(x, y.astype("int32"))


@functools.cache
def word_counts(n: int = 700, words: int = 120, topics: int = 4) -> Split:
    """How often each word is in a document, and its topic."""
    rng = np.random.default_rng(27)
    common = rng.dirichlet(np.full(words, 0.3), topics)
    y = rng.integers(0, topics, n)
    x = [rng.multinomial(60, 0.35 * common[k] + 0.65 / words) for k in y]
    return split(np.array(x, "float32"), y.astype("int32"))


@functools.cache
def fraud(n: int = 1600, share: float = 0.05) -> Split:
    """One in twenty is a fraud; mostly two clusters beside the honest ones."""
    rng = np.random.default_rng(28)
    y = (rng.random(n) < share).astype("int32")
    centre = np.where(rng.random((n, 1)) < 0.5, 1.0, -1.0) * np.linspace(2.4, 0, 10)
    x = rng.normal(size=(n, 10)) + y[:, None] * centre
    return split(x.astype("float32"), y)


@functools.cache
def visitors(n: int = 700) -> Split:
    """Counts per day: weekday as one-hot, weather, season; rates of 2 to 60."""
    rng = np.random.default_rng(29)
    weekday, weather, season = (
        rng.integers(0, 7, n),
        rng.normal(size=n),
        rng.uniform(-1, 1, n),
    )
    rate = np.exp(2.3 + 0.5 * (weekday > 4) + 0.45 * weather + 0.4 * season)
    x = np.column_stack([np.eye(7)[weekday], weather, season])
    return split(x.astype("float32"), rng.poisson(rate)[:, None].astype("float32"))


@functools.cache
def uneven(n: int = 900) -> Split:
    """One feature; the noise of the target grows with it."""
    rng = np.random.default_rng(30)
    x = rng.uniform(-2, 2, (n, 1))
    y = np.sin(2 * x) + rng.normal(size=(n, 1)) * (0.05 + 0.15 * (x + 2))
    return split(x.astype("float32"), y.astype("float32"))


@functools.cache
def stars(n: int = 800) -> Split:
    """Ratings of 0 to 4, in order, from a score and some noise."""
    rng = np.random.default_rng(31)
    x = rng.normal(size=(n, 6)).astype("float32")
    score = x[:, 0] + np.tanh(2 * x[:, 1]) - 0.5 * x[:, 2] + rng.normal(0, 0.3, n)
    return split(x, np.digitize(score, [-1.5, -0.5, 0.5, 1.5]).astype("int32"))


@functools.cache
def subjects(n: int = 800) -> Split:
    """Word counts of documents, and which of five subjects they touch."""
    from sklearn.datasets import make_multilabel_classification

    x, y = make_multilabel_classification(
        n, n_features=30, n_classes=5, n_labels=2, length=80, random_state=32
    )
    return split(x.astype("float32"), y.astype("float32"))


# Texts


@functools.cache
def reviews(n: int = 900, length: int = 30, words: int = 300) -> Split:
    """Padded reviews: words by Zipf's law, some of praise and some of blame."""
    rng = np.random.default_rng(33)
    y = rng.integers(0, 2, n)
    x = np.minimum(rng.zipf(1.3, (n, length)) + 20, words - 1)
    moods = 1 + rng.integers(0, 10, (n, length))
    right = rng.random((n, length)) < 0.8
    moods = moods + 10 * (right == (y[:, None] == 1))
    x = np.where(rng.random((n, length)) < 0.2, moods, x)
    size = rng.integers(length // 3, length + 1, (n, 1))
    x = np.where(np.arange(length) >= length - size, x, 0)
    return split(x.astype("int32"), y.astype("int32"))


@functools.cache
def tagged(n: int = 500, length: int = 12) -> Split:
    """Sentences with a tag for each word; some words depend on the one before."""
    rng = np.random.default_rng(34)
    x = rng.integers(1, 60, (n, length))
    own = x % 4
    before = np.concatenate([np.zeros((n, 1), int), own[:, :-1]], 1)
    y = np.where(x > 45, (own + before) % 4, own)
    return split(x.astype("int32"), y.astype("int32"))


RHYME = (
    "the cat sat on the mat and the dog sat on the log. "
    "the hen in the pen met ten men, and then the men fed the hen. "
    "a big pig in a wig did a jig with a fig. "
)


@functools.cache
def letters(length: int = 12, step: int = 1) -> Split:
    """Windows of letters of a rhyme, and the letter that follows."""
    text = RHYME * 5
    names = sorted(set(text))
    codes = np.array([names.index(letter) for letter in text], "int32")
    starts = range(0, len(text) - length, step)
    x = np.stack([codes[i : i + length] for i in starts])
    y = np.array([codes[i + length] for i in starts], "int32")
    return split(x, y)


@functools.cache
def backwards(n: int = 1500, length: int = 4, symbols: int = 6) -> Split:
    """One-hot sequences, and the same from the end to the beginning."""
    rng = np.random.default_rng(35)
    codes = rng.integers(0, symbols, (n, length))
    eye = np.eye(symbols, dtype="float32")
    return split(eye[codes], eye[codes[:, ::-1]])


# Pictures


@functools.cache
def shapes(n: int = 900, size: int = 16, noise: float = 0.1) -> Split:
    """A disc, a square or a cross somewhere, grey levels of 0..1."""
    rng = np.random.default_rng(36)
    y = rng.integers(0, 3, n)
    rows, columns = np.mgrid[:size, :size]
    across = np.abs(rows - rng.uniform(5, size - 5, (n, 1, 1)))
    along = np.abs(columns - rng.uniform(5, size - 5, (n, 1, 1)))
    r = rng.uniform(3, 5, (n, 1, 1))
    disc = across**2 + along**2 < r**2
    square = np.maximum(across, along) < 0.8 * r
    cross = (np.minimum(across, along) < 1) & (np.maximum(across, along) < r)
    x = np.choose(y[:, None, None], [disc, square, cross])
    x = x * rng.uniform(0.6, 1, (n, 1, 1)) + rng.normal(0, noise, x.shape)
    return split(x.clip(0, 1)[..., None].astype("float32"), y.astype("int32"))


@functools.cache
def masks(n: int = 400, size: int = 16) -> Split:
    """Pictures with a disc on a slope of light, and the disc's pixels."""
    rng = np.random.default_rng(37)
    rows, columns = np.mgrid[:size, :size]
    centre = rng.uniform(4, size - 4, (2, n, 1, 1))
    r = rng.uniform(2.5, 5, (n, 1, 1))
    y = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < r**2
    light = rng.uniform(0, 0.4, (n, 1, 1)) * columns / size
    x = light + 0.45 * y + rng.normal(0.1, 0.12, y.shape)
    return split(
        x.clip(0, 1)[..., None].astype("float32"), y[..., None].astype("float32")
    )


@functools.cache
def clips(n: int = 1000, frames: int = 5, size: int = 8) -> Split:
    """Short films of a dot that moves up, down, left or right."""
    rng = np.random.default_rng(38)
    y = rng.integers(0, 4, n)
    way = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])[y]
    start = rng.integers(0, size, (n, 2))
    x = rng.uniform(0, 0.2, (n, frames, size, size, 1))
    for t in range(frames):
        at = (start + t * way) % size
        x[np.arange(n), t, at[:, 0], at[:, 1], 0] = 1
    return split(x.astype("float32"), y.astype("int32"))


@functools.cache
def patches(n: int = 500, size: int = 8) -> Split:
    """Coarse and fine patches of a photograph."""
    from sklearn.datasets import load_sample_image

    rng = np.random.default_rng(39)
    photo = load_sample_image("china.jpg").mean(-1) / 255
    height, width = np.array(photo.shape) - 2 * size
    corners = zip(rng.integers(0, height, n), rng.integers(0, width, n))
    fine = np.stack([photo[i : i + 2 * size, j : j + 2 * size] for i, j in corners])
    coarse = fine.reshape(n, size, 2, size, 2).mean((2, 4))
    return split(coarse[..., None].astype("float32"), fine[..., None].astype("float32"))


# Series


@functools.cache
def weather(n: int = 900, length: int = 24, raw: bool = False) -> Split:
    """Windows of temperature, pressure and wind; the temperature that follows."""
    rng = np.random.default_rng(40)
    time = np.arange(n + length)
    drift = np.convolve(rng.normal(size=n + length + 30), np.ones(30) / 6, "same")
    drift = drift[: n + length]
    temperature = 10 + 8 * np.sin(time * 2 * np.pi / 24) + 2 * drift
    temperature = temperature + rng.normal(0, 0.5, len(time))
    pressure = 1010 - 3 * drift + rng.normal(0, 1, len(time))
    wind = rng.gamma(2, 2, len(time))
    series = np.stack([temperature, pressure, wind], 1)
    series = series.astype("float32") if raw else standard(series)
    x = np.stack([series[i : i + length] for i in range(n)])
    return split(x, series[length:, :1])


@functools.cache
def sensors(n: int = 500, length: int = 50) -> Split:
    """Three axes of acceleration while one sits, walks, runs or jumps."""
    rng = np.random.default_rng(41)
    y = rng.integers(0, 4, n)
    pace = np.array([0.0, 2.0, 3.5, 1.5])[y] * rng.uniform(0.85, 1.15, n)
    force = np.array([0.0, 0.5, 1.0, 1.6])[y] * rng.uniform(0.7, 1.3, n)
    angle = 2 * np.pi * pace[:, None] * np.arange(length) / length * 2
    angle = angle + rng.uniform(0, 6, (n, 1))
    axes = [np.sin(angle), np.sin(2 * angle), np.cos(angle) ** 3]
    x = np.stack(axes, -1) * force[:, None, None] + rng.normal(0, 0.3, (n, length, 3))
    return split(x.astype("float32"), y.astype("int32"))


@functools.cache
def beats(n: int = 600, length: int = 60) -> Split:
    """Heart beats of 0..1, normal ones to train with; targets are the inputs."""
    rng = np.random.default_rng(42)
    time = np.linspace(0, 1, length)
    at, high = rng.normal(0.4, 0.03, (n, 1)), rng.uniform(0.6, 0.9, (n, 1))
    x = high * np.exp(-(((time - at) / 0.03) ** 2))
    x += 0.25 * np.exp(-(((time - at - 0.25) / 0.07) ** 2)) + 0.1
    x = (x + rng.normal(0, 0.01, x.shape)).clip(0, 1).astype("float32")
    return split(x, x)
