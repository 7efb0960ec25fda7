"""What schedules cost, and what 1cycle and the finder are worth, on Fashion-MNIST.

Run as `python benchmarks/schedules.py PART [--rows N] [--epochs N] [--model NAME]`,
where PART is `cost`, `finder` or `cycle`. What it prints goes to `schedules.md`.
"""

from __future__ import annotations

import argparse
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
from keras_extras.finder.sweep import smooth
from keras_extras.finder.sweep import suggest

BATCH = 64
SEEDS = (0, 1, 2)
SMOOTHING, SWEEP_STEPS = 0.98, 100


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


def train(name: str, data: Any, epochs: int, seed: int, **settings: Any) -> Any:
    """Returns the history of a training at a constant rate, or in one cycle."""
    keras.utils.set_random_seed(seed)
    model = compiled(name, settings.get("rate", 0.01))
    cycle = settings.get("max_rate")
    (x, y), held_out = data
    return model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=held_out,
        verbose=0,
        callbacks=[] if cycle is None else [OneCycleScheduler(max_rate=cycle)],
    ).history


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


def finder(name: str, rows: int, epochs: int) -> None:
    data = fashion(rows)
    median = {}
    for rate in np.geomspace(0.003, 3.0, 12):
        losses = [
            final_loss(train(name, data, epochs, s, max_rate=rate)) for s in SEEDS
        ]
        median[rate] = statistics.median(losses)
    best = min(median, key=lambda rate: median[rate])
    print(
        f"\n{name}, {rows} rows, {epochs} epochs\n\n| max rate | val loss |\n|---|---|"
    )
    for rate, loss in median.items():
        print(f"| {rate:.4f} | {loss:.4f}{' (best)' if rate == best else ''} |")
    suggested = [suggestions(name, data, seed) for seed in SEEDS]
    print("\n| suggested by | rates | val loss | to the best |\n|---|---|---|---|")
    for rule in suggested[0]:
        rates = [each[rule] for each in suggested]
        losses = [
            final_loss(train(name, data, epochs, seed, max_rate=rate))
            for seed, rate in zip(SEEDS, rates)
        ]
        loss = statistics.median(losses)
        shown = ", ".join(f"{rate:.4f}" for rate in rates)
        print(f"| {rule} | {shown} | {loss:.4f} | {loss / median[best] - 1:+.1%} |")


def suggestions(name: str, data: Any, seed: int) -> dict[str, float]:
    """Returns what each rule suggests, and "valley" from the epoch's running mean."""
    keras.utils.set_random_seed(seed)
    (x, y), _ = data
    sweep = keras_extras.find_learning_rate(
        compiled(name), x, y, steps=SWEEP_STEPS, smoothing=SMOOTHING, batch_size=BATCH
    )
    batches = -(-len(x) // BATCH)
    means = [
        sweep.losses[point // batches * batches : point + 1].mean()
        for point in range(len(sweep.losses))
    ]
    running = suggest(sweep.rates, smooth(np.array(means), SMOOTHING), SWEEP_STEPS)
    return {**sweep.suggestions, "valley, running mean": running["valley"]}


def cycle(name: str, rows: int, epochs: int) -> None:
    data = fashion(rows)
    constant = {
        rate: [
            max(train(name, data, epochs, s, rate=rate)["val_accuracy"]) for s in SEEDS
        ]
        for rate in (0.001, 0.003, 0.01, 0.03, 0.1)
    }
    best = max(constant, key=lambda rate: statistics.median(constant[rate]))
    print(f"\n{name}, {rows} rows, constant rate {best}, {epochs} epochs\n")
    print("| seed | constant: best accuracy | in epoch | 1cycle reaches it in |")
    print("|---|---|---|---|")
    for place, seed in enumerate(SEEDS):
        goal = constant[best][place]
        reached = train(name, data, epochs, seed, rate=best)["val_accuracy"]
        needed = next(
            (
                length
                for length in range(1, epochs + 1)
                if train(name, data, length, seed, max_rate=10 * best)["val_accuracy"][
                    -1
                ]
                >= goal
            ),
            None,
        )
        print(f"| {seed} | {goal:.4f} | {np.argmax(reached) + 1} | {needed} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["cost", "finder", "cycle"])
    parser.add_argument("--model", choices=list(MODELS), default="mlp")
    parser.add_argument("--rows", type=int, default=55_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    if options.part == "cost":
        cost(options.model, options.rounds)
    elif options.part == "finder":
        finder(options.model, options.rows, options.epochs)
    else:
        cycle(options.model, options.rows, options.epochs)


if __name__ == "__main__":
    main()
