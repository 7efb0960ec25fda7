"""A search with KerasTuner on handwritten digits, whose logs a browser shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import keras_tuner
from sklearn.datasets import load_digits

from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.tuner import DiagnosticHyperModel

TRIALS, EPOCHS = 3, 2
TRAINED, VALIDATED = 512, 128
SICK_RATE = 300.0


def build(hp: Any) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(
                hp.Int("units", 8, 64),
                activation=hp.Choice("activation", ["relu", "tanh"]),
            ),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    rate = hp.Choice("rate", [0.2, 0.05, SICK_RATE])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    return model


def search(directory: Path) -> tuple[Any, Path]:
    """Returns the tuner after a search of `TRIALS` trials, and where they logged."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    keras.utils.set_random_seed(0)
    tuner = keras_tuner.RandomSearch(
        DiagnosticHyperModel(build),
        "val_accuracy",
        max_trials=TRIALS,
        seed=1,
        directory=directory,
        project_name="trials",
    )
    logs = directory / "logs"
    rest = slice(TRAINED, TRAINED + VALIDATED)
    tuner.search(
        x[:TRAINED],
        y[:TRAINED],
        validation_data=(x[rest], y[rest]),
        epochs=EPOCHS,
        verbose=0,
        callbacks=[TrainingDiagnostics(logs, every=1, verbose=0)],
    )
    return tuner, logs
