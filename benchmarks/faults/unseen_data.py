"""Data for the unseen cases: companies' tables, series, texts, pictures, graphs."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from faults import data
from faults.data import Split
from faults.data import split
from faults.data import standard
from faults.fresh_data import split_named


def fitted(parts: Split) -> Split:
    """Standardises by the mean and spread of the training rows alone."""
    (x, y), (xv, yv) = parts
    mean, spread = x.mean(0), x.std(0) + 1e-6
    scale = lambda a: ((a - mean) / spread).astype("float32")
    return (scale(x), y), (scale(xv), yv)


# Tables


@functools.cache
def cars(n: int = 420) -> Split:
    """Cylinders, inches, horse power, pounds, year, origin; miles per gallon."""
    rng = np.random.default_rng(61)
    cylinders = rng.choice([4, 6, 8], n, p=[0.5, 0.22, 0.28])
    inches = 38 * cylinders - 30 + rng.normal(0, 22, n)
    power = 17 * cylinders + 10 + rng.normal(0, 13, n)
    pounds = 480 * cylinders + 350 + rng.normal(0, 260, n)
    year, origin = rng.integers(70, 83, n), rng.integers(0, 3, n)
    miles = 68000 / (pounds + 9 * power) + 0.7 * (year - 76) + 1.5 * (origin == 2)
    miles = miles + rng.normal(0, 1.8, n)
    x = np.column_stack([cylinders, inches, power, pounds, year, np.eye(3)[origin]])
    return split(x.astype("float32"), miles[:, None].astype("float32"))


@functools.cache
def loans(n: int = 1200) -> Any:
    """Income, debt, age, years of work as they are; purpose and region as numbers."""
    rng = np.random.default_rng(62)
    income, debt = rng.lognormal(10.6, 0.5, n), rng.gamma(2, 6000, n)
    age, work = rng.uniform(20, 70, n), rng.gamma(2, 4, n)
    purpose, region = rng.integers(0, 7, n), rng.integers(0, 12, n)
    score = 3 * debt / income - 0.09 * work - 0.02 * (age - 45)
    score += np.linspace(-1.2, 1.2, 7)[purpose] + rng.normal(0, 0.5, 12)[region]
    bad = rng.random(n) < 1 / (1 + np.exp(-2 * (score - 0.9)))
    numbers = np.stack([income, debt, age, work], 1).astype("float32")
    x = {"numbers": numbers, "purpose": purpose[:, None], "region": region[:, None]}
    return split_named(x, bad.astype("int32"))


@functools.cache
def churn(n: int = 1500, share: float = 0.14) -> Split:
    """Months, charges, calls and eight flags of customers, and who leaves."""
    rng = np.random.default_rng(63)
    months, charges = rng.integers(1, 73, n), rng.uniform(18, 120, n)
    calls, flags = rng.poisson(1.5, n), rng.random((n, 8)) < rng.uniform(0.2, 0.8, 8)
    score = -0.05 * months + 0.03 * charges + 0.7 * calls - 1.5 * flags[:, 0]
    score += 1.2 * (flags[:, 1] & ~flags[:, 2]) + rng.logistic(0, 0.5, n)
    leaves = score > np.quantile(score, 1 - share)
    x = np.column_stack([months, charges, calls, flags])
    return split(x.astype("float32"), leaves.astype("int32"))


@functools.cache
def bikes(n: int = 1400) -> Split:
    """Hour (as sine and cosine), day off, warmth, damp, wind; rides of 0 to 460."""
    rng = np.random.default_rng(64)
    hour, off = rng.integers(0, 24, n), rng.random(n) < 0.3
    warmth, damp, wind = rng.normal(size=n), rng.random(n), rng.gamma(2, 0.4, n)
    rush = np.exp(-(((hour - 8) / 2) ** 2)) + np.exp(-(((hour - 18) / 3) ** 2))
    noon = np.exp(-(((hour - 14) / 4) ** 2))
    rate = 3.2 + np.where(off, 2 * noon, 2.2 * rush) + 0.45 * warmth - 0.6 * damp
    y = rng.negative_binomial(8, 8 / (8 + np.exp(rate - 0.2 * wind)))
    turn = 2 * np.pi * hour / 24
    x = np.column_stack([np.sin(turn), np.cos(turn), off, warmth, damp, wind])
    return split(x.astype("float32"), y[:, None].astype("float32"))


@functools.cache
def claims(n: int = 1200) -> Split:
    """Six standard features and amounts of a gamma law, of 0.05 to 30 thousand."""
    rng = np.random.default_rng(65)
    x = rng.normal(size=(n, 6))
    mean = np.exp(0.7 + 0.6 * x[:, 0] - 0.4 * x[:, 1] * (x[:, 2] > 0))
    y = rng.gamma(2.5, mean / 2.5)
    return split(x.astype("float32"), y[:, None].astype("float32"))


@functools.cache
def lifetimes(n: int = 1200) -> Split:
    """Years until a failure, or until one stopped to look, and whether it failed."""
    rng = np.random.default_rng(66)
    x = rng.normal(size=(n, 7))
    scale = np.exp(1.2 - 0.7 * x[:, 0] + 0.5 * np.abs(x[:, 1]))
    time, end = scale * rng.weibull(1.6, n), rng.uniform(1, 12, n)
    y = np.stack([np.minimum(time, end), time <= end], 1)
    return split(x.astype("float32"), y.astype("float32"))


@functools.cache
def ratings(n: int = 4000, users: int = 60, films: int = 80) -> Split:
    """Pairs of a user and a film, and a rating of 1 to 5."""
    rng = np.random.default_rng(67)
    tastes, kinds = rng.normal(size=(users, 3)), rng.normal(size=(films, 3))
    x = np.stack([rng.integers(0, users, n), rng.integers(0, films, n)], 1)
    score = 3.4 + 0.6 * rng.normal(size=films)[x[:, 1]]
    score += 0.6 * (tastes[x[:, 0]] * kinds[x[:, 1]]).sum(1)
    score = np.clip(np.round(score + rng.normal(0, 0.3, n)), 1, 5)
    return split(x.astype("int32"), score[:, None].astype("float32"))


@functools.cache
def clicks(n: int = 2000) -> Split:
    """Four categories of 10, and a click that depends on how two pairs match."""
    rng = np.random.default_rng(68)
    x, vectors = rng.integers(0, 10, (n, 4)), rng.normal(size=(4, 10, 2))
    score = (vectors[0][x[:, 0]] * vectors[1][x[:, 1]]).sum(1)
    score += (vectors[2][x[:, 2]] * vectors[3][x[:, 3]]).sum(1)
    y = rng.random(n) < 1 / (1 + np.exp(1 - 2 * score))
    return split(x.astype("int32"), y.astype("int32"))


@functools.cache
def shell(n: int = 1600, flipped: float = 0.0) -> Split:
    """Ten normal features, and whether they are far from the origin."""
    from sklearn.datasets import make_hastie_10_2

    x, y = make_hastie_10_2(n, random_state=69)
    wrong = np.random.default_rng(69).random(n) < flipped
    return split(x.astype("float32"), ((y > 0) ^ wrong).astype("int32"))


@functools.cache
def impedance(n: int = 700) -> Split:
    """Four columns of very different size as they are, and a target up to 1700."""
    from sklearn.datasets import make_friedman2

    x, y = make_friedman2(n, noise=40, random_state=70)
    return split(x.astype("float32"), y[:, None].astype("float32"))


@functools.cache
def flats(n: int = 900) -> Split:
    """Standard features of flats; prices in euros, most of them small, some huge."""
    rng = np.random.default_rng(71)
    x = rng.normal(size=(n, 9)).astype("float32")
    price = 11.9 + 0.45 * x[:, 0] + 0.25 * np.tanh(2 * x[:, 1]) - 0.2 * x[:, 2]
    price = np.exp(price + 0.2 * x[:, 3] * x[:, 0] + rng.normal(0, 0.12, n))
    return split(x, price[:, None].astype("float32"))


@functools.cache
def controls(n: int = 900) -> Split:
    """Angle and speed of a pendulum, and the push of -2..2 that an expert gives."""
    rng = np.random.default_rng(72)
    angle, speed = rng.uniform(-np.pi, np.pi, n), rng.uniform(-4, 4, n)
    push = np.clip(-2.5 * np.sin(angle) - 0.8 * speed + rng.normal(0, 0.1, n), -2, 2)
    x = np.stack([np.cos(angle), np.sin(angle), speed / 4], 1)
    return split(x.astype("float32"), push[:, None].astype("float32"))


@functools.cache
def pendulum(n: int = 900) -> Split:
    """States of a damped pendulum, and how they change within a fifth of a second."""
    rng = np.random.default_rng(73)
    start = np.stack([rng.uniform(-2.5, 2.5, n), rng.uniform(-2, 2, n)], 1)
    state = start.copy()
    for _ in range(20):
        angle, speed = state.T
        pull = -9.81 * np.sin(angle) - 0.3 * speed
        state = state + 0.01 * np.stack([speed, pull], 1)
    change = state - start + rng.normal(0, 0.01, state.shape)
    return split(start.astype("float32"), change.astype("float32"))


@functools.cache
def spectra(n: int = 260, length: int = 80) -> Split:
    """Few absorption curves, shares of two substances as targets of 0 to 0.1."""
    rng = np.random.default_rng(74)
    share, at = rng.uniform(0, 0.1, (n, 2)), np.linspace(0, 1, length)
    bumps = [np.exp(-(((at - c) / w) ** 2)) for c, w in ((0.3, 0.05), (0.6, 0.1))]
    x = share @ np.array(bumps) + 0.05 * rng.normal(size=(n, 1)) * at
    x = 20 * x + rng.normal(0, 0.03, x.shape)
    return split(x.astype("float32"), share.astype("float32"))


# Series


@functools.cache
def passengers(back: int = 12, months: int = 144) -> Split:
    """A rising monthly series of 12 years, scaled to 0..1; windows, and the next."""
    rng = np.random.default_rng(75)
    time = np.arange(months)
    season = 1 + 0.22 * np.sin(2 * np.pi * time / 12) + 0.1 * np.sin(np.pi * time / 3)
    series = (110 + 2.4 * time) * season + rng.normal(0, 8, months)
    series = (series - series.min()) / (series.max() - series.min())
    x = np.stack([series[i : i + back] for i in range(months - back)])
    return split(x[..., None].astype("float32"), series[back:, None].astype("float32"))


@functools.cache
def load(n: int = 700, back: int = 48, ahead: int = 12) -> Split:
    """Hourly power with day, week and weather; 48 hours, and the 12 that follow."""
    rng = np.random.default_rng(76)
    time = np.arange(n + back + ahead)
    weather = np.convolve(rng.normal(size=len(time) + 19), np.ones(20) / 4.5, "valid")
    day = np.sin(2 * np.pi * (time - 8) / 24) + 0.4 * np.sin(4 * np.pi * time / 24)
    work = (time // 24) % 7 < 5
    power = day * (0.6 + 0.4 * work) + 0.3 * weather + rng.normal(0, 0.12, len(time))
    series = np.stack([power, weather, work], 1)
    x = np.stack([series[i : i + back] for i in range(n)])
    y = np.stack([power[i + back : i + back + ahead] for i in range(n)])
    return split(x.astype("float32"), y.astype("float32"))


@functools.cache
def returns(n: int = 1500, back: int = 10) -> Split:
    """Daily returns in units of their spread: a tenth of the next can be foreseen."""
    rng = np.random.default_rng(77)
    series = rng.normal(size=n + back)
    for i in range(1, len(series)):
        series[i] += 0.33 * series[i - 1]
    series = series / series.std()
    x = np.stack([series[i : i + back] for i in range(n)])
    return split(x.astype("float32"), series[back:, None].astype("float32"))


@functools.cache
def engines(n: int = 700, length: int = 96) -> Split:
    """Engine noise, standardised each; with a knock or without."""
    rng = np.random.default_rng(78)
    y, time = rng.integers(0, 2, n), np.arange(length)
    pitch, phase = rng.uniform(0.2, 0.3, (n, 1)), rng.uniform(0, 6, (n, 1))
    x = np.sin(pitch * time + phase) + 0.5 * np.sin(2.1 * pitch * time)
    knock = np.exp(-((time - rng.integers(10, length - 10, (n, 1))) ** 2) / 8.0)
    x += y[:, None] * 1.6 * knock * np.cos(1.9 * time) + rng.normal(0, 0.3, x.shape)
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    return split(x[..., None].astype("float32"), y.astype("int32"))


@functools.cache
def keywords(n: int = 800, frames: int = 20, bands: int = 16) -> Split:
    """Spectrograms in decibels, -80 to 0, of six words."""
    rng = np.random.default_rng(79)
    y, at = rng.integers(0, 6, n), np.linspace(0, 1, frames)
    paths = np.stack([at, 1 - at, 0 * at + 0.5, 4 * (at - 0.5) ** 2, at**3, 0 * at])
    height = 3 + 9 * paths[y] + rng.uniform(-2, 2, (n, 1))
    height = height[..., None]
    tone = np.exp(-(((np.arange(bands) - height) / 1.2) ** 2))
    tone += 0.5 * np.exp(-(((np.arange(bands) - height / 2) / 1.5) ** 2))
    loud = rng.uniform(0.3, 1, (n, 1, 1)) * tone + rng.gamma(1, 0.02, tone.shape)
    decibels = (20 * np.log10(loud + 1e-4)).clip(-80, 0)
    return split(decibels[..., None].astype("float32"), y.astype("int32"))


@functools.cache
def adding(n: int = 2000, length: int = 16) -> Split:
    """Numbers of 0..1, two of them marked; the sum of the marked ones."""
    rng = np.random.default_rng(80)
    values, marks = rng.random((n, length)), np.zeros((n, length))
    half = length // 2
    rows = np.arange(n)
    marks[rows, rng.integers(0, half, n)] = 1
    marks[rows, rng.integers(half, length, n)] = 1
    y = (values * marks).sum(1, keepdims=True)
    return split(np.stack([values, marks], -1).astype("float32"), y.astype("float32"))


@functools.cache
def wards(n: int = 600, length: int = 18) -> Split:
    """Stays of unequal length (the rest is -1), three vital signs, and the outcome."""
    rng = np.random.default_rng(81)
    trend = rng.normal(size=(n, 1)) * 0.12
    time = np.arange(length)
    pulse = trend * time + rng.normal(0, 0.5, (n, length))
    pressure = -0.5 * trend * time + rng.normal(0, 0.5, (n, length))
    x = np.stack([pulse, pressure, rng.normal(size=(n, length))], -1)
    stays = rng.integers(6, length + 1, (n, 1))
    x = np.where((time < stays)[..., None], x, -1.0)
    y = rng.random(n) < 1 / (1 + np.exp(-25 * trend[:, 0]))
    return split(x.astype("float32"), y.astype("int32"))


# Texts

SUBJECTS = (
    "goal match team league coach keeper",
    "shares market bank profit trade merger",
    "virus doctor vaccine patients clinic cure",
    "rocket planet telescope orbit comet probe",
    "film actor album singer stage award",
)
FILLERS = (
    "the a of in on for with after before new old says today again over more than "
    "first last big small why how what"
)


@functools.cache
def headlines(n: int = 1000, length: int = 10) -> tuple[list[str], Any]:
    """Headlines as texts, and which of five subjects they are on."""
    rng = np.random.default_rng(82)
    y, texts = rng.integers(0, 5, n), []
    fillers = FILLERS.split()
    for subject in y:
        other = subject if rng.random() < 0.75 else rng.integers(0, 5)
        words = list(rng.choice(fillers, length - 3))
        words += list(rng.choice(SUBJECTS[subject].split(), 2))
        words += list(rng.choice(SUBJECTS[other].split(), 1))
        texts.append(" ".join(rng.permutation(words)))
    return texts, y.astype("int32")


@functools.cache
def headline_numbers(length: int = 12) -> Split:
    """`headlines` as word numbers of 1 to 54, padded with 0 at the end."""
    texts, y = headlines()
    words = sorted({word for text in texts for word in text.split()})
    x = np.zeros((len(texts), length), "int32")
    for row, text in enumerate(texts):
        for column, word in enumerate(text.split()):
            x[row, column] = 1 + words.index(word)
    return split(x, y)


SYLLABLES = (
    "ka ri to mi na shi ha ko",
    "berg stein hof mann wald bach",
    "ova enko ski vitch mir slav",
    "elli ano etta ucci ini ardo",
)


@functools.cache
def names(n: int = 900, length: int = 14) -> Split:
    """Names as letters (1 to 26), padded in front, and the country of four."""
    rng = np.random.default_rng(83)
    y, x = rng.integers(0, 4, n), np.zeros((n, length), "int32")
    pool = " ".join(SYLLABLES).split()
    for row, country in enumerate(y):
        own = SYLLABLES[country].split()
        start = rng.choice(pool if rng.random() < 0.5 else own)
        name = (start + "".join(rng.choice(own, 2)))[:length]
        x[row, length - len(name) :] = [ord(letter) - 96 for letter in name]
    return split(x, y.astype("int32"))


@functools.cache
def grammar(n: int = 700, length: int = 16, words: int = 24) -> Split:
    """Chains of words, three of which may follow each (0.6, 0.3, 0.1); the next."""
    rng = np.random.default_rng(84)
    after = np.stack([rng.permutation(words)[:3] for _ in range(words)])
    text = np.zeros((n, length + 1), "int32")
    text[:, 0] = rng.integers(0, words, n)
    for t in range(length):
        pick = rng.choice(3, n, p=[0.6, 0.3, 0.1])
        text[:, t + 1] = after[text[:, t], pick]
    return split(text[:, :-1], text[:, 1:])


@functools.cache
def translations(n: int = 1500, length: int = 5, words: int = 12) -> Any:
    """Sentences, the same in another language with pairs swapped, one word behind."""
    rng = np.random.default_rng(85)
    source = rng.integers(1, words, (n, length))
    book = np.concatenate([[0], 1 + rng.permutation(words - 1)])
    order = [1, 0, 3, 2, *range(4, length)]
    target = book[source][:, order]
    behind = np.concatenate([np.full((n, 1), words), target[:, :-1]], 1)
    x = {"source": source.astype("int32"), "behind": behind.astype("int32")}
    return split_named(x, target.astype("int32"))


@functools.cache
def entities(n: int = 500, length: int = 14) -> Split:
    """Sentences padded with 0; words after a title (1 to 5) are names: 0, 1 or 2."""
    rng = np.random.default_rng(86)
    x, y = rng.integers(6, 80, (n, length)), np.zeros((n, length), "int32")
    for row in range(n):
        for at in rng.choice(length - 2, 2, replace=False):
            x[row, at], y[row, at + 1] = rng.integers(1, 6), 1
            if x[row, at] > 2:
                y[row, at + 2] = 2
    y = np.where((x < 6) & (y == 0), 0, y)
    size = rng.integers(length // 2, length + 1, (n, 1))
    kept = np.arange(length) < size
    return split((x * kept).astype("int32"), (y * kept).astype("int32"))


@functools.cache
def questions(n: int = 1600, length: int = 6, words: int = 40) -> Any:
    """Pairs of questions, and whether they have the same intent, of ten."""
    rng = np.random.default_rng(87)
    intent, same = rng.integers(0, 10, n), rng.random(n) < 0.5
    other = np.where(same, intent, (intent + rng.integers(1, 10, n)) % 10)

    def ask(intent: Any) -> Any:
        x = rng.integers(21, words, (n, length))
        own = 1 + 2 * intent[:, None] + rng.integers(0, 2, (n, length))
        return np.where(rng.random((n, length)) < 0.5, own, x).astype("int32")

    return split_named({"one": ask(intent), "two": ask(other)}, same.astype("int32"))


@functools.cache
def neighbours(n: int = 4000, words: int = 60) -> Any:
    """Pairs of words, and whether they stand together in some text (skip-grams)."""
    rng = np.random.default_rng(88)
    word, near = rng.integers(0, words, n), rng.random(n) < 0.5
    group = word // 6
    close = 6 * ((group + rng.integers(0, 2, n)) % 10) + rng.integers(0, 6, n)
    other = np.where(near, close, rng.integers(0, words, n))
    x = {"word": word[:, None].astype("int32"), "other": other[:, None].astype("int32")}
    return split_named(x, near.astype("int32"))


@functools.cache
def comments(n: int = 1200, words: int = 90) -> Split:
    """Which words a comment has (0 or 1), and four kinds of abuse, each rare."""
    rng = np.random.default_rng(89)
    y = (rng.random((n, 4)) < [0.2, 0.12, 0.08, 0.05]).astype("float32")
    odds = np.full((n, words), 0.08)
    for kind in range(4):
        own = slice(8 * kind, 8 * kind + 8)
        odds[:, own] = np.where(y[:, kind : kind + 1] > 0, 0.3, 0.03)
    return split((rng.random((n, words)) < odds).astype("float32"), y)


# Pictures


@functools.cache
def clothes(n: int = 1500, classes: tuple[int, ...] | None = None) -> Split:
    """Pictures of clothes at half their size, 14 by 14, grey levels of 0..1."""
    halves = []
    for x, y in data.fashion(max(n, 2000) if classes is None else 4 * n):
        if classes is not None:
            kept = np.isin(y, classes)
            x, y = x[kept], np.searchsorted(classes, y[kept]).astype("int32")
        small = x.reshape(len(x), 14, 2, 14, 2, 1).mean((2, 4))
        halves.append((small[:n], y[:n]))
    return halves[0], halves[1]


@functools.cache
def boxes(n: int = 900, size: int = 20) -> Any:
    """A frame or an ellipse; which of them, and its box as shares of the picture."""
    rng = np.random.default_rng(90)
    kind = rng.integers(0, 2, n)
    high, wide = rng.uniform(6, 12, (2, n, 1, 1))
    top, left = rng.uniform(1, size - high - 1), rng.uniform(1, size - wide - 1)
    rows, columns = np.mgrid[:size, :size]
    up, along = 2 * (rows - top) / high - 1, 2 * (columns - left) / wide - 1
    frame = np.abs(np.maximum(np.abs(up), np.abs(along)) - 0.85) < 0.2
    x = np.where(kind[:, None, None] == 0, frame, up**2 + along**2 < 1)
    x = 0.8 * x + rng.normal(0, 0.1, x.shape)
    box = np.stack([top, left, high, wide], 1).reshape(n, 4) / size
    y = {"kind": kind.astype("int32"), "box": box.astype("float32")}
    (x, y), (xv, yv) = split_named({"picture": x[..., None].astype("float32")}, y)
    return (x["picture"], y), (xv["picture"], yv)


@functools.cache
def cells(n: int = 700, size: int = 20) -> tuple[Any, Any]:
    """Bright dots on a dark ground, and where they are, as a map that sums to them."""
    rng = np.random.default_rng(91)
    many = rng.integers(0, 9, n)
    rows, columns = np.mgrid[:size, :size]
    maps = np.zeros((n, size, size))
    for row, k in enumerate(many):
        for i, j in rng.uniform(2, size - 2, (k, 2)):
            bump = np.exp(-((rows - i) ** 2 + (columns - j) ** 2) / 2)
            maps[row] += bump / bump.sum()
    x = 4 * maps + rng.normal(0.05, 0.05, maps.shape)
    return x[..., None].astype("float32"), maps[..., None].astype("float32")


@functools.cache
def streets(n: int = 400, size: int = 16) -> Split:
    """Sky above, road below, perhaps a car on it; a class of three for each pixel."""
    rng = np.random.default_rng(92)
    rows, columns = np.mgrid[:size, :size]
    horizon = rng.uniform(5, 9, (n, 1, 1)) + rng.uniform(-0.3, 0.3, (n, 1, 1)) * columns
    y = (rows > horizon).astype(int)
    top, left = rng.uniform(7, 11, (n, 1, 1)), rng.uniform(1, 11, (n, 1, 1))
    high, wide = rng.uniform(2, 4, (n, 1, 1)), rng.uniform(3, 5, (n, 1, 1))
    car = (rows > top) & (rows < top + high)
    car &= (columns > left) & (columns < left + wide)
    y = np.where(car, 2, y)
    tints = np.array([[0.5, 0.7, 0.9], [0.4, 0.4, 0.4], [0.7, 0.3, 0.3]])
    x = tints[y] * rng.uniform(0.7, 1.1, (n, 1, 1, 1)) + rng.normal(
        0, 0.1, (*y.shape, 3)
    )
    return split(x.clip(0, 1).astype("float32"), y.astype("int32"))


@functools.cache
def plates(n: int = 1200) -> Split:
    """Three digits side by side, 8 by 24 pixels; a class for each."""
    (x, y), _ = data.digits(flat=False)
    rng = np.random.default_rng(93)
    picked = rng.integers(0, len(x), (n, 3))
    row = np.concatenate([x[picked[:, i]] for i in range(3)], 2)
    row = row + rng.normal(0, 0.05, row.shape)
    return split(row.astype("float32"), y[picked].astype("int32"))


@functools.cache
def photograph(size: int = 32) -> Any:
    """Places in a photograph, -1..1, and the grey level there, -1..1."""
    from sklearn.datasets import load_sample_image

    photo = load_sample_image("flower.jpg").mean(-1) / 127.5 - 1
    step = 12
    photo = photo[10 : 10 + size * step, 120 : 120 + size * step]
    photo = photo.reshape(size, step, size, step).mean((1, 3))
    places = np.stack(np.mgrid[:size, :size], -1).reshape(-1, 2) / (size - 1) * 2 - 1
    return places.astype("float32"), photo.reshape(-1, 1).astype("float32")


@functools.cache
def petals(n: int = 500, size: int = 12, noise: float = 0.0) -> Split:
    """Patches of a photograph in grey, perhaps with noise, and in colour."""
    from sklearn.datasets import load_sample_image

    rng = np.random.default_rng(94)
    photo = load_sample_image("flower.jpg")[::2, ::2] / 255
    height, width = photo.shape[0] - size, photo.shape[1] - size
    corners = zip(rng.integers(0, height, n), rng.integers(0, width, n))
    colour = np.stack([photo[i : i + size, j : j + size] for i, j in corners])
    grey = colour.mean(-1, keepdims=True) + rng.normal(0, noise, (n, size, size, 1))
    return split(grey.astype("float32"), colour.astype("float32"))


# Sets and graphs


@functools.cache
def clouds(n: int = 700, points: int = 32) -> Split:
    """Sets of points on a circle, a triangle or a cross, turned and noisy."""
    rng = np.random.default_rng(95)
    y, at = rng.integers(0, 3, n), rng.random((n, points))
    circle = np.stack([np.cos(2 * np.pi * at), np.sin(2 * np.pi * at)], -1)
    corners = np.array([[0, 1], [0.87, -0.5], [-0.87, -0.5], [0, 1]])
    side = (3 * at).astype(int)
    part = (3 * at - side)[..., None]
    triangle = corners[side] * (1 - part) + corners[side + 1] * part
    bar = rng.random((n, points)) < 0.5
    cross = np.stack([np.where(bar, 2 * at - 1, 0), np.where(bar, 0, 2 * at - 1)], -1)
    x = np.stack([circle, triangle, cross])[y, np.arange(n)]
    turn = rng.uniform(0, 2 * np.pi, n)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    x = np.einsum("nij,jkn->nik", x, spin) + rng.normal(0, 0.06, x.shape)
    return split(x.astype("float32"), y.astype("int32"))


@functools.cache
def community(n: int = 240, groups: int = 4) -> tuple[Any, Any, Any]:
    """People with weak features, who knows whom (with weights), and their group."""
    rng = np.random.default_rng(96)
    y = rng.integers(0, groups, n)
    known = rng.random((n, n)) < np.where(y[:, None] == y, 0.12, 0.015)
    known = np.triu(known, 1)
    known = known + known.T + np.eye(n)
    weights = known / np.sqrt(known.sum(1)[:, None] * known.sum(1))
    x = np.eye(groups)[y] @ rng.normal(size=(groups, 12)) * 0.5
    x = x + rng.normal(size=(n, 12))
    return standard(x), weights.astype("float32"), y.astype("int32")
