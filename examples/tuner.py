"""Runs a search on handwritten digits, and shows the findings of each trial.

Run as `make demo-tuner`, or `python examples/tuner.py`. About half of the search space
fails: learning rates that are far too high or too low, and badly scaled initial
weights. The exit status is 0 only if failing trials were ended and a good one was
found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
from sklearn.datasets import load_digits

from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.tuner import DiagnosticHyperModel
from keras_extras.tuner import MedianPruner
from keras_extras.tuner import results_table

TRAINING = 1400  # of 1,797 images


def build(hp: Any) -> keras.Model:
    """Returns a network of three hidden layers."""
    scale = hp.Choice("weight_scale", [0.01, 2.0, 100.0], default=2.0)
    activation = hp.Choice("activation", ["relu", "sigmoid"])
    hidden = [
        keras.layers.Dense(
            32, activation, kernel_initializer=keras.initializers.VarianceScaling(scale)
        )
        for _ in range(3)
    ]
    model = keras.Sequential([*hidden, keras.layers.Dense(10, "softmax")])
    rate = hp.Float("learning_rate", 1e-5, 10.0, sampling="log", default=1e-2)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def search(options: argparse.Namespace) -> keras_tuner.Tuner:
    """Returns the tuner after its search."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    directory = Path(options.log_dir)
    shutil.rmtree(directory / "runs", ignore_errors=True)  # those of another search
    keras.utils.set_random_seed(0)
    tuner = keras_tuner.RandomSearch(
        DiagnosticHyperModel(build),
        "val_accuracy",
        max_trials=options.trials,
        seed=14,
        directory=directory,
        project_name="trials",
        overwrite=True,
    )
    # Every step, which is compiled sooner; leave `every` out in long trials.
    diagnostics = TrainingDiagnostics(directory / "runs", every=1, verbose=0)
    tuner.search(
        x[:TRAINING],
        y[:TRAINING],
        validation_data=(x[TRAINING:], y[TRAINING:]),
        epochs=options.epochs,
        verbose=0,
        callbacks=[diagnostics, MedianPruner(min_trials=4)],
    )
    return tuner


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--log-dir", default="logs/demo-tuner")
    parser.add_argument("--quick", action="store_true", help="few trials and epochs")
    options = parser.parse_args(argv)
    if options.quick:
        options.trials, options.epochs = 3, 4
    tuner = search(options)
    table = results_table(tuner)
    print(f"\n{table}\n\nIn TensorBoard: tensorboard --logdir {options.log_dir}/runs")
    best = tuner.oracle.get_best_trials()[0]
    return 0 if best.score > 0.75 and "ended in epoch" in table else 1


if __name__ == "__main__":
    sys.exit(main())
