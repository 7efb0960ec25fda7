"""What ending sick and hopeless trials early saves in a search, and what it costs.

Run as `python benchmarks/tuner.py [--store DIR]`: 30 random trials over a space of
which about half is sick, for each of some seeds, and in each of these ways: plain
KerasTuner, with `DiagnosticHyperModel`, with `MedianPruner`, with both, and with
`DiagnosticHyperModel` ending on warnings too. All ways see the same trials, and a
trial starts from the same weights in each. With `--store` the searches are kept, and an
interrupted run goes on with the trial that it was in; `--table` prints the table of
those that are complete.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np

from keras_extras.running_trial import running_trial
from keras_extras.tuner import DiagnosticHyperModel
from keras_extras.tuner import MedianPruner
from keras_extras.tuner.results_table import results_table

TRIALS, EPOCHS, BATCH = 30, 12, 128
TRAINING, VALIDATION = 3200, 1000
SICK = 0.6  # accuracy that a trial of the plain search does not reach
INITIALIZERS: dict[str, Any] = {
    "he": keras.initializers.HeNormal,
    "lecun": keras.initializers.LecunNormal,
    "glorot": keras.initializers.GlorotUniform,
    "far too small": lambda: keras.initializers.RandomNormal(stddev=1e-4),
    "far too large": lambda: keras.initializers.RandomNormal(stddev=1.0),
}
BOTH = ("error", "warning")
WAYS: dict[str, tuple[Any, bool]] = {
    "plain KerasTuner": (None, False),
    "`DiagnosticHyperModel`": (("error",), False),
    "`MedianPruner`": (None, True),
    "both": (("error",), True),
    "`DiagnosticHyperModel`, warnings too": (BOTH, False),
    "both, warnings too": (BOTH, True),
}


def build(hp: Any) -> keras.Model:
    """Returns a network; a trial begins with the same weights in each search."""
    activation = hp.Choice("activation", ["relu", "selu", "sigmoid"])
    initializer = hp.Choice("initializer", list(INITIALIZERS))
    rate = hp.Float("learning_rate", 1e-5, 10.0, sampling="log")
    trial = f"{activation} {initializer} {rate:.12g}"
    keras.utils.set_random_seed(zlib.crc32(trial.encode()))
    model = keras.Sequential([keras.Input((784,))])
    for units in (64, 32):
        model.add(
            keras.layers.Dense(
                units,
                activation=activation,
                kernel_initializer=INITIALIZERS[initializer](),
            )
        )
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def images() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns a part of Fashion-MNIST, to train and to validate."""
    (x, y), _ = keras.datasets.fashion_mnist.load_data()
    x = x.reshape(len(x), -1).astype("float32") / 255
    last = TRAINING + VALIDATION
    return (x[:TRAINING], y[:TRAINING]), (x[TRAINING:last], y[TRAINING:last])


class Epochs(keras.callbacks.Callback):
    """Writes down the accuracies of each trial, and the processor time it took."""

    since = 0.0  # of the class, for each trial has a copy

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        Epochs.since = time.process_time()

    def on_train_begin(self, logs: Any = None) -> None:
        self.trial = running_trial()
        self.accuracies: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.accuracies.append(float((logs or {})["val_accuracy"]))

    def on_train_end(self, logs: Any = None) -> None:
        now = time.process_time()
        line = [self.trial.trial_id, self.accuracies, now - Epochs.since]
        Epochs.since = now
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def search(way: str, seed: int, trials: int, store: Path) -> None:
    """Runs one search, or what is left of it, and writes down what came of it."""
    stop_on, prunes = WAYS[way]
    training, validation = images()
    hypermodel = (
        build if stop_on is None else DiagnosticHyperModel(build, None, stop_on)
    )
    place = store / f"{list(WAYS).index(way)}-{seed}"
    place.mkdir(parents=True, exist_ok=True)
    tuner = keras_tuner.RandomSearch(
        hypermodel, "val_accuracy", trials, seed=seed + 1, directory=str(place)
    )
    tuner.search(
        *training,
        validation_data=validation,
        batch_size=BATCH,
        validation_batch_size=VALIDATION,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            Epochs(place / "epochs.jsonl"),
            *([MedianPruner()] if prunes else []),
        ],
    )
    # The last line of a trial is that of its last run, if it was interrupted.
    lines = (place / "epochs.jsonl").read_text().splitlines()
    trials_seen = {trial: rest for trial, *rest in map(json.loads, lines)}
    epochs = {trial: rest[0] for trial, rest in trials_seen.items()}
    processor = sum(rest[1] for rest in trials_seen.values())
    found = dict(sorted(tuner.oracle.trials.items()))
    result = {
        "way": way,
        "seed": seed,
        "epochs": sum(map(len, epochs.values())),
        "best": max(trial.score for trial in found.values()),
        "processor": processor,
        "accuracies": [epochs[trial_id] for trial_id in found],
        "hyperparameters": [trial.hyperparameters.values for trial in found.values()],
        "messages": [trial.message for trial in found.values()],
    }
    (place / "result.json").write_text(json.dumps(result))
    (place / "table.txt").write_text(results_table(tuner, width=200))
    print(way, seed, result["best"], result["epochs"], f"{processor:.0f} s", flush=True)


def table(results: list[dict[str, Any]]) -> str:
    """Returns the table of the searches, those of each way together."""
    plain = {r["seed"]: r for r in results if r["way"] == "plain KerasTuner"}
    lines = [
        "| search | best validation accuracy, by seed | epochs, by seed | share of "
        "the epochs | processor time | best trial ended |",
        "|---|---|---|---|---|---|",
    ]
    for way in WAYS:
        of_way = sorted((r for r in results if r["way"] == way), key=_seed)
        of_way = [r for r in of_way if r["seed"] in plain]
        if not of_way:
            continue
        base = [plain[r["seed"]] for r in of_way]
        share = sum(r["epochs"] for r in of_way) / sum(r["epochs"] for r in base)
        time_share = [r["processor"] / b["processor"] for r, b in zip(of_way, base)]
        lost = sum(_lost_the_best(r, b) for r, b in zip(of_way, base))
        best = ", ".join(format(r["best"], ".4f") for r in of_way)
        epochs = ", ".join(str(r["epochs"]) for r in of_way)
        lines.append(
            f"| {way} | {best} | {epochs} | {share:.0%} "
            f"| {statistics.mean(time_share):.0%} | {lost} of {len(of_way)} |"
        )
    sick = [_sick(r) for r in plain.values()]
    good = [good_ended(r, plain[r["seed"]]) for r in results if r["seed"] in plain]
    lines += ["", f"Sick trials of the plain search, by seed: {sick}"]
    lines += [f"Ended though good in the plain search: {dict(_by_way(results, good))}"]
    return "\n".join(lines)


def _by_way(results: list[dict[str, Any]], values: list[int]) -> Any:
    for way in WAYS:
        yield way, sum(v for r, v in zip(results, values) if r["way"] == way)


def _seed(result: dict[str, Any]) -> int:
    return int(result["seed"])


def _sick(result: dict[str, Any]) -> int:
    return sum(max(values) < SICK for values in result["accuracies"])


def _lost_the_best(result: dict[str, Any], plain: dict[str, Any]) -> bool:
    best = int(np.argmax([max(values) for values in plain["accuracies"]]))
    return len(result["accuracies"][best]) < EPOCHS


def good_ended(result: dict[str, Any], plain: dict[str, Any]) -> int:
    """Returns how many trials were ended that are within a point of the best."""
    best = max(max(values) for values in plain["accuracies"])
    return sum(
        len(values) < EPOCHS and max(before) > best - 0.01
        for values, before in zip(result["accuracies"], plain["accuracies"])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--store", type=Path, help="keep searches here, and go on")
    parser.add_argument("--table", action="store_true", help="only print the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = options.store or Path(scratch)
        for seed in range(0 if options.table else options.seeds):
            for way in options.ways:
                place = store / f"{list(WAYS).index(way)}-{seed}"
                if not (place / "result.json").exists():
                    search(way, seed, options.trials, store)
        found = sorted(store.glob("*/result.json"))
        print(table([json.loads(path.read_text()) for path in found]))


if __name__ == "__main__":
    main()
