"""What `CooldownAtStop` is worth against a known length, and against `EarlyStopping`.

Run as `python benchmarks/cooldown.py [--store FILE] [--seeds N] [--models NAME ...]`.
Each set-up is a model and a data set of `small_trainings.py`, at one rate. Three ways
from the same start: `CooldownAtStop` ends the training when it pays no more; one cycle
has as many epochs as that took, known beforehand; and the rate stays as it is for as
many epochs, of which `EarlyStopping` takes the best weights. What it prints goes to
`README.md`.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import keras
from machine import machine
from small_trainings import DATA
from small_trainings import MODELS
from small_trainings import Results
from small_trainings import compiled
from small_trainings import fit

from keras_extras.callbacks import CooldownAtStop
from keras_extras.callbacks import OneCycleScheduler

MOST_EPOCHS, PATIENCE = 40, 5
# High rates at which the model still learns: where a training ends by patience.
OPTIMIZERS = {
    "plain": ("SGD", 0.03),
    "normalised": ("SGD", 0.1),
    "dropout": ("Adam", 0.01),
    "deep": ("AdamW", 0.01),
}


def optimizer(model: str) -> Any:
    name, rate = OPTIMIZERS[model]
    if name == "SGD":
        return keras.optimizers.SGD(rate, momentum=0.9)
    return getattr(keras.optimizers, name)(rate)


def cooled(model: str, data: Any) -> Any:
    network = compiled(model, data, optimizer(model))
    stop = CooldownAtStop(patience=PATIENCE, verbose=0)
    history = fit(network, data, MOST_EPOCHS, [stop])
    return {
        "loss": min(history["val_loss"]),
        "epochs": len(history["val_loss"]),
        "by": stop.stopped_by,
        "val_loss": history["val_loss"],
    }


def cycle(model: str, data: Any, epochs: int) -> Any:
    network = compiled(model, data, optimizer(model))
    peak = OPTIMIZERS[model][1]
    history = fit(network, data, epochs, [OneCycleScheduler(max_rate=peak)])
    return {"loss": history["val_loss"][-1], "val_loss": history["val_loss"]}


def stopped(model: str, data: Any, epochs: int) -> Any:
    network = compiled(model, data, optimizer(model))
    best = keras.callbacks.EarlyStopping(patience=epochs, restore_best_weights=True)
    history = fit(network, data, epochs, [best])
    return {"loss": min(history["val_loss"]), "val_loss": history["val_loss"]}


def trainings(results: Results, name: str, model: str, data: Any, seed: int) -> Any:
    """Returns the three final losses, the epochs, and what ended ours."""
    key = [name, model, *OPTIMIZERS[model]]
    ours = results.once([*key, "cooled"], seed, lambda: cooled(model, data))
    epochs = ours["epochs"]
    known = results.once(
        [*key, "cycle", epochs], seed, lambda: cycle(model, data, epochs)
    )
    early = results.once(
        [*key, "stopped", epochs], seed, lambda: stopped(model, data, epochs)
    )
    return ours["loss"], known["loss"], early["loss"], epochs, ours["by"]


def row(results: Results, name: str, model: str, data: Any, seeds: int) -> Any:
    """Returns the medians of a set-up, and how it was ended."""
    found = [trainings(results, name, model, data, seed) for seed in range(seeds)]
    losses = [statistics.median(column) for column in list(zip(*found))[:3]]
    return losses, [each[3] for each in found], [each[4] for each in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="file of the trainings done so far")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=MODELS)
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=DATA)
    options = parser.parse_args()
    results = Results(options.store)
    print(f"{machine()}, {options.seeds} seeds\n")
    print(
        "| data | model | rate | epochs | ended by | `CooldownAtStop` | one cycle | "
        "`EarlyStopping` | to the cycle | to `EarlyStopping` |\n" + "|---" * 10 + "|"
    )
    near = better = rows = 0
    sets = {name: DATA[name]() for name in options.data}
    for seed in range(options.seeds):  # so that a run that is cut short has all rows
        for name, data in sets.items():
            for model in options.models:
                trainings(results, name, model, data, seed)
    for name, data in sets.items():
        for model in options.models:
            losses, epochs, by = row(results, name, model, data, options.seeds)
            ours, known, early = losses
            rows += 1
            near += ours <= 1.01 * known
            better += ours <= 0.95 * early
            print(
                f"| {name} | {model} | {' '.join(map(str, OPTIMIZERS[model]))} | "
                f"{', '.join(map(str, epochs))} | {', '.join(sorted(set(by)))} | "
                f"{ours:.4f} | {known:.4f} | {early:.4f} | "
                f"{ours / known - 1:+.1%} | {ours / early - 1:+.1%} |",
                flush=True,
            )
    print(
        f"\nAt most 1 % above the cycle: {near} of {rows}; "
        f"at least 5 % below `EarlyStopping`: {better} of {rows}"
    )


if __name__ == "__main__":
    main()
