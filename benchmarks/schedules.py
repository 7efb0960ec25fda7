"""What schedules cost, and what 1cycle and the finder are worth, on Fashion-MNIST.

Run as `python benchmarks/schedules.py PART [--rows N] [--epochs N] [--model NAME]`,
where PART is `cost`, `finder` or `cycle`. What it prints goes to `README.md`. With
`--store FILE` each training is written there when it is done, and not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from harness import Arm
from harness import compare
from harness import table

import keras_extras
from keras_extras.callbacks import ExponentialDecayScheduler
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.finder import LearningRateSweep

BATCH = 64
SEEDS = (0, 1, 2)
SMOOTHING, SWEEP_STEPS = 0.98, 300


def mlp() -> Any:
    layers = keras.layers
    return [
        keras.Input((28, 28)),
        layers.Flatten(),
        layers.Dense(300, activation="relu", kernel_initializer="he_normal"),
        layers.Dense(100, activation="relu", kernel_initializer="he_normal"),
        layers.Dense(10, activation="softmax"),
    ]


def cnn() -> Any:
    layers = keras.layers
    return [
        keras.Input((28, 28)),
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.Conv2D(32, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


MODELS = {"mlp": mlp, "cnn": cnn}


def compiled(name: str, rate: float = 0.01, momentum: float = 0.95) -> Any:
    model = keras.Sequential(MODELS[name]())
    model.compile(
        keras.optimizers.SGD(rate, momentum=momentum),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def fashion(rows: int) -> tuple[Any, Any]:
    """Returns the first `rows` training images, and the last 5000 to validate."""
    (x, y), _ = keras.datasets.fashion_mnist.load_data()
    x = x.astype("float32") / 255.0
    return (x[:rows], y[:rows]), (x[-5000:], y[-5000:])


class Runs:
    """Trainings of one model on Fashion-MNIST, each done once.

    Args:
        name: The model, one of `MODELS`.
        rows: Number of images to train on.
        path: File that keeps the results, or `None`.
    """

    def __init__(self, name: str, rows: int, path: str | None) -> None:
        self._name, self._rows, self._path = name, rows, path
        self._data: Any = None
        self._done: dict[str, Any] = {}
        if path is not None and os.path.exists(path):
            with open(path) as lines:
                for line in lines:
                    self._done.update(json.loads(line))

    def train(self, epochs: int, seed: int, **settings: Any) -> dict[str, list[float]]:
        """Returns the history at a constant `rate`, or in one cycle to `max_rate`."""
        key = json.dumps([self._name, self._rows, epochs, seed, settings])
        return self._once(key, lambda: self._train(epochs, seed, **settings))

    def sweep(self, seed: int, steps: int) -> dict[str, list[float]]:
        """Returns the rates and losses that the finder sees."""
        key = json.dumps([self._name, self._rows, "sweep", seed, steps])
        return self._once(key, lambda: self._sweep(seed, steps))

    def _once(self, key: str, make: Any) -> Any:
        if key not in self._done:
            keras.utils.clear_session()
            self._data = self._data or fashion(self._rows)
            self._done[key] = make()
            if self._path is not None:
                with open(self._path, "a") as file:
                    file.write(json.dumps({key: self._done[key]}) + "\n")
        return self._done[key]

    def _train(self, epochs: int, seed: int, **settings: Any) -> Any:
        keras.utils.set_random_seed(seed)
        model = compiled(self._name, settings.get("rate", 0.01))
        cycle = settings.get("max_rate")
        (x, y), held_out = self._data
        return model.fit(
            x,
            y,
            batch_size=BATCH,
            epochs=epochs,
            validation_data=held_out,
            verbose=0,
            callbacks=[] if cycle is None else [OneCycleScheduler(max_rate=cycle)],
        ).history

    def _sweep(self, seed: int, steps: int) -> Any:
        keras.utils.set_random_seed(seed)
        (x, y), _ = self._data
        sweep = keras_extras.find_learning_rate(
            compiled(self._name), x, y, steps=steps, batch_size=BATCH
        )
        return {"rates": sweep.rates.tolist(), "losses": sweep.losses.tolist()}


def cost(name: str, rounds: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((64 * BATCH, 28, 28), dtype=np.float32)
    y = rng.integers(0, 10, 64 * BATCH)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH).cache().repeat()
    make = lambda: compiled(name)
    arms = [
        Arm("no callback", make),
        Arm("no callback again (control)", make),
        Arm(
            "`OneCycleScheduler`",
            make,
            lambda m: [OneCycleScheduler(10**6, max_rate=0.01)],
        ),
        Arm(
            "`ExponentialDecayScheduler`",
            make,
            lambda m: [ExponentialDecayScheduler(10**6)],
        ),
    ]
    compare(arms, data, rounds)
    print(f"\n{name}, {rounds} rounds\n\n{table(arms)}")


def final_loss(history: Any) -> float:
    loss = history["val_loss"][-1]
    return loss if np.isfinite(loss) else float("inf")


def finder(runs: Runs, rows: int, epochs: int) -> None:
    suggested = [suggestions(runs, rows, seed) for seed in SEEDS]
    median = {}
    for rate in np.geomspace(0.003, 3.0, 12):
        rate = float(f"{rate:.3g}")
        losses = [final_loss(runs.train(epochs, s, max_rate=rate)) for s in SEEDS]
        median[rate] = statistics.median(losses)
    best = min(median, key=lambda rate: median[rate])
    print("\n| max rate | val loss | to the best |\n|---|---|---|")
    for rate, loss in median.items():
        print(f"| {rate} | {loss:.4f} | {loss / median[best] - 1:+.1%} |")
    print("\n| suggested by | rates | val loss | to the best |\n|---|---|---|---|")
    for rule in suggested[0]:
        rates = [float(f"{each[rule]:.3g}") for each in suggested]
        losses = [
            final_loss(runs.train(epochs, seed, max_rate=rate))
            for seed, rate in zip(SEEDS, rates)
        ]
        loss = statistics.median(losses)
        shown = ", ".join(f"{rate:.3g}" for rate in rates)
        print(f"| {rule} | {shown} | {loss:.4f} | {loss / median[best] - 1:+.1%} |")


def suggestions(runs: Runs, rows: int, seed: int) -> dict[str, float]:
    """Returns what each rule suggests, also from the mean since the epoch began."""
    sweep = runs.sweep(seed, SWEEP_STEPS)
    rates, losses = np.array(sweep["rates"]), np.array(sweep["losses"])
    batches = -(-rows // BATCH)
    means = [
        losses[point // batches * batches : point + 1].mean()
        for point in range(len(losses))
    ]
    true, running = (
        LearningRateSweep(rates, seen, SMOOTHING, SWEEP_STEPS, "edge").suggestions
        for seen in (losses, means)
    )
    rules = ("edge", "valley", "minimum")
    return {
        **{rule: true[rule] for rule in rules},
        **{f"{rule}, running mean": running[rule] for rule in rules[:2]},
    }


def cycle(runs: Runs, rows: int, epochs: int) -> None:
    constant = {
        rate: [max(runs.train(epochs, s, rate=rate)["val_accuracy"]) for s in SEEDS]
        for rate in (0.001, 0.003, 0.01, 0.03)
    }
    print("\n| constant rate | best val accuracy of each seed |\n|---|---|")
    for rate, reached in constant.items():
        print(f"| {rate} | {', '.join(f'{value:.4f}' for value in reached)} |")
    best = max(constant, key=lambda rate: statistics.median(constant[rate]))
    print(f"\nAgainst the constant rate {best}:\n")
    print("| seed | best accuracy | in epoch | max rate of 1cycle | reaches it in |")
    print("|---|---|---|---|---|")
    for place, seed in enumerate(SEEDS):
        goal = constant[best][place]
        reached = runs.train(epochs, seed, rate=best)["val_accuracy"]
        top = float(f"{suggestions(runs, rows, seed)['edge']:.3g}")
        needed = epochs_needed(runs, epochs, seed, top, goal)
        print(f"| {seed} | {goal:.4f} | {np.argmax(reached) + 1} | {top} | {needed} |")


def epochs_needed(runs: Runs, most: int, seed: int, rate: float, goal: float) -> Any:
    """Returns the length of the shortest cycle that ends at `goal` or above it."""
    for length in range(1, most + 1):
        history = runs.train(length, seed, max_rate=rate)
        if history["val_accuracy"][-1] >= goal:
            return length
    return f"not in {most}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["cost", "finder", "cycle"])
    parser.add_argument("--model", choices=list(MODELS), default="mlp")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--store", help="file of the trainings done so far")
    options = parser.parse_args()
    runs = Runs(options.model, options.rows, options.store)
    print(f"{options.model}, {options.rows} rows, {options.epochs} epochs")
    if options.part == "cost":
        cost(options.model, options.rounds)
    elif options.part == "finder":
        finder(runs, options.rows, options.epochs)
    else:
        cycle(runs, options.rows, options.epochs)


if __name__ == "__main__":
    main()
