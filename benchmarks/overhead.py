"""What monitoring costs per step, against the usual ways to see gradients.

Run as `python benchmarks/overhead.py [--rounds N] [--model NAME]`. With `--start` it
tells what monitoring costs once, at the start of each training.
"""

from __future__ import annotations

import argparse
import platform
import random
import tempfile
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from harness import Arm
from harness import compare
from harness import table

from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import TrainingDiagnostics

BATCH = 32
FIRST_STEPS = 16


def compiled(model: Any) -> Any:
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def mlp() -> Any:
    layers = keras.layers
    return compiled(
        keras.Sequential(
            [
                keras.Input((784,)),
                layers.Dense(300, activation="relu"),
                layers.Dense(100, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )
    )


def deep() -> Any:
    hidden = [
        keras.layers.Dense(100, activation="relu", kernel_initializer="he_normal")
        for _ in range(20)
    ]
    last = keras.layers.Dense(10, activation="softmax")
    return compiled(keras.Sequential([keras.Input((784,)), *hidden, last]))


def cnn() -> Any:
    layers = keras.layers
    return compiled(
        keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(16, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(32, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )
    )


class SecondTape(keras.callbacks.Callback):
    """What tutorials do: another forward and backward pass after each batch."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self._x, self._y = tf.constant(x), tf.constant(y)
        self._norms: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        @tf.function
        def norms() -> Any:
            with tf.GradientTape() as tape:
                loss = self.model.compute_loss(
                    x=self._x, y=self._y, y_pred=self.model(self._x, training=True)
                )
            gradients = tape.gradient(loss, self.model.trainable_weights)
            return [tf.norm(g) for g in gradients]

        self._norms = norms

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        [float(norm) for norm in self._norms()]


def arms(make_model: Any, x: Any, y: Any, logs: str) -> list[Arm]:
    batch = x[:BATCH], y[:BATCH]
    return [
        Arm("no callback", make_model),
        Arm("no callback again (control)", make_model),
        Arm("`TrainingDiagnostics()`", make_model, lambda m: [TrainingDiagnostics()]),
        Arm(
            "`TrainingDiagnostics(log_dir)`",
            make_model,
            lambda m: [TrainingDiagnostics(f"{logs}/diagnostics")],
        ),
        Arm("`GradientLogger()`", make_model, lambda m: [GradientLogger()]),
        Arm(
            "`TrainingDiagnostics(every=1)`",
            make_model,
            lambda m: [TrainingDiagnostics(every=1)],
        ),
        Arm("second `GradientTape` pass", make_model, lambda m: [SecondTape(*batch)]),
        Arm(
            '`TensorBoard(histogram_freq=1, update_freq="batch")`',
            make_model,
            lambda m: [
                keras.callbacks.TensorBoard(
                    f"{logs}/tensorboard", histogram_freq=1, update_freq="batch"
                )
            ],
        ),
    ]


def start(arms: list[Arm], data: Any, rounds: int, warm_up: int = 2) -> None:
    """Stores the seconds of the first steps of new trainings, which compile them.

    They take in an ordinary step and samples, so that all that is needed later is
    compiled too.
    """
    for number in range(warm_up + rounds):
        for arm in random.sample(arms, len(arms)):
            model = arm.make_model()
            wall, processor = time.perf_counter(), time.process_time()
            callbacks = arm.make_callbacks(model)
            model.fit(data, steps_per_epoch=FIRST_STEPS, verbose=0, callbacks=callbacks)
            if number >= warm_up:
                arm.wall.append(time.perf_counter() - wall)
                arm.processor.append(time.process_time() - processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--start", action="store_true", help="the first steps, instead")
    parser.add_argument("--model", choices=["mlp", "deep", "cnn", "all"], default="all")
    parser.add_argument("--arms", type=int, nargs="*", help="numbers of the arms")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python", end=" ")
    print(f"{platform.python_version()}, TensorFlow {tf.__version__}", end=", ")
    print(f"Keras {keras.__version__}, batch {BATCH}, {options.rounds} rounds")
    shapes = {"mlp": (mlp, (784,)), "deep": (deep, (784,)), "cnn": (cnn, (28, 28, 1))}
    for name, (make_model, shape) in shapes.items():
        if options.model not in (name, "all"):
            continue
        rng = np.random.default_rng(0)
        x = rng.random((64 * BATCH, *shape), dtype=np.float32)
        y = rng.integers(0, 10, 64 * BATCH)
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH).cache().repeat()
        with tempfile.TemporaryDirectory() as logs:
            chosen = arms(make_model, x, y, logs)
            if options.arms:
                chosen = [chosen[number] for number in options.arms]
            unit = "ms per step"
            if options.start:
                start(chosen, data, options.rounds)
                unit = f"ms for {FIRST_STEPS} steps"
            else:
                compare(chosen, data, options.rounds)
        print(f"\n{name}\n\n{table(chosen, unit)}", flush=True)


if __name__ == "__main__":
    main()
