"""What the examples share: options, data, several seeds, and a table of them."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits

Results = dict[str, dict[str, list[Any]]]


@dataclass(frozen=True)
class Data:
    """Images as rows of floats, and their classes 0 to 9."""

    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def val(self) -> tuple[np.ndarray, np.ndarray]:
        return self.x_val, self.y_val

    @property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        return self.x_test, self.y_test


def options(
    description: str | None, argv: list[str] | None, seeds: int, epochs: int = 0
) -> argparse.Namespace:
    """Returns what the command line says: `quick`, `seeds`, `epochs` and `data`.

    Without `epochs` there is no such option.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="a glimpse: one seed, two epochs"
    )
    parser.add_argument("--seeds", type=int, default=seeds, help="how many")
    if epochs:
        parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--data", choices=["digits", "fashion_mnist"], default="digits")
    parsed = parser.parse_args(argv)
    if parsed.quick:
        parsed.seeds, parsed.epochs = 1, 2
    return parsed


def images(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns all images, as floats from 0 to 16 or to 255, and their classes.

    Args:
        name: "digits", 8 x 8 pixels, which come with scikit-learn, or
            "fashion_mnist", 28 x 28 pixels, which Keras downloads once.
    """
    if name == "digits":
        x, y = load_digits(return_X_y=True)
        x = x.reshape(-1, 8, 8)
    else:
        parts = keras.datasets.fashion_mnist.load_data()
        x, y = (np.concatenate(arrays) for arrays in zip(*parts))
    return x.astype("float32"), y


def load(name: str, seed: int, train: int | None = None) -> Data:
    """Returns images, scaled to mean 0 and deviation 1, split by chance.

    Args:
        name: As for `images`.
        seed: Which images are for what.
        train: How many images to train on: 1000 of digits, 10,000 of Fashion-MNIST
            unless said.
    """
    x, y = images(name)
    most, held_out = 1000, 300  # and 497 to test on
    if name == "fashion_mnist":
        x, y, most, held_out = x[:25_000], y[:25_000], 10_000, 5000
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x.reshape(len(x), -1)[order], y[order]
    cuts = [most, most + held_out]
    (x, x_val, x_test), (y, y_val, y_test) = np.split(x, cuts), np.split(y, cuts)
    x, y = x[:train], y[:train]
    mean, deviation = x.mean(), x.std()
    x, x_val, x_test = ((part - mean) / deviation for part in (x, x_val, x_test))
    return Data(x, y, x_val, y_val, x_test, y_test)


def compare(
    cases: Mapping[str, Any],
    measure: Callable[[Any, Data], dict[str, Any]],
    options: argparse.Namespace,
    train: int | None = None,
    quick: Collection[str] = (),
) -> Results:
    """Measures each case with each seed; all cases meet the same data and seeds.

    Args:
        cases: What to measure, by name.
        measure: Returns the measured values by name, for a case and the data.
        options: What `options` returned.
        train: How many images to train on, as for `load`.
        quick: Names of the cases that `--quick` keeps; none for all of them.
    """
    if options.quick and quick:
        cases = {name: cases[name] for name in quick}
    results: Results = {name: {} for name in cases}
    for seed in range(options.seeds):
        data = load(options.data, seed, train)
        for name, case in cases.items():
            keras.utils.set_random_seed(seed)
            for column, value in measure(case, data).items():
                results[name].setdefault(column, []).append(value)
    return results


def accuracy(model: keras.Model, data: Data, training: bool = False) -> float:
    """Returns the share of the test images that a model gets right."""
    probabilities = keras.ops.convert_to_numpy(model(data.x_test, training=training))
    return float(np.mean(probabilities.argmax(axis=-1) == data.y_test))


def spread(values: list[Any], form: str = ".3f") -> str:
    """Returns mean and standard deviation over seeds; of words, the most frequent."""
    if isinstance(values[0], str):
        word, count = Counter(values).most_common(1)[0]
        return word if count == len(values) else f"{word} ({count} of {len(values)})"
    mean = f"{np.mean(values):{form}}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):{form}}"


def table(
    results: Results, forms: Mapping[str, str] | str, versus: str | None = None
) -> str:
    """Returns the results as text, and what their numbers mean.

    Args:
        results: What `compare` returned.
        forms: Format of the numbers of each column, or of all; ".3f" unless said.
        versus: Column for which each case is compared with the first one, seed by
            seed: the mean difference, and in how many seeds it is the larger.
    """
    if isinstance(forms, str):
        forms = dict.fromkeys(next(iter(results.values())), forms)
    rows = []
    first = next(iter(results.values()))
    for name, columns in results.items():
        row = {"": name}
        for column, values in columns.items():
            row[column] = spread(values, forms.get(column, ".3f"))
        if versus and columns is not first:
            gains = np.subtract(columns[versus], first[versus])
            mean = f"{gains.mean():+{forms.get(versus, '.3f')}}"
            row["vs. first row"] = f"{mean} (up {np.sum(gains > 0)} of {len(gains)})"
        rows.append(row)
    seeds = len(next(iter(first.values())))
    plural = "1 seed" if seeds == 1 else f"{seeds} seeds: mean ± standard deviation"
    return f"{layout(rows)}\n\n{plural}. A seed decides split, weights and batches."


def against_first(methods: Collection[str], results: np.ndarray, of: str) -> str:
    """Returns accuracies as a Markdown table, each method beside the first one.

    Args:
        methods: Their names.
        results: Array of shape `(seeds, methods)`.
        of: What the methods are, for the head of the first column.
    """
    lines = [
        f"| {of} | mean ± deviation | against scratch, seed by seed | better in |",
        "|---|---|---|---|",
    ]
    for place, (method, column) in enumerate(zip(methods, results.T)):
        gain = 100 * (column - results[:, 0])
        row = f"| {method} | {column.mean():.1%} ± {column.std():.1%} |"
        points = f"{gain.mean():+.1f} ± {gain.std():.1f} points"
        seeds = f" {points} | {np.sum(gain > 0)} of {len(gain)} |"
        lines.append(f"{row} | |" if place == 0 else row + seeds)
    return "\n".join(lines)


def layout(rows: list[dict[str, str]]) -> str:
    """Returns rows as aligned text, under the names of their columns."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([row.get(name, "") for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    text = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    return "\n".join(text)
