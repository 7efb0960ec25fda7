"""Trains four networks on real images: three fail, each in its own way.

Run as `make demo`, or `python examples/demo.py [--data fashion_mnist]`. Each run has
its own directory under `--log-dir`, for TensorBoard. The exit status is 0 only if
every run is diagnosed as expected.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits

from keras_extras.callbacks import TrainingDiagnostics

BATCH = 32
DEPTH = 5
LAST_HIDDEN = f"hidden_{DEPTH}"
HE = 2.0  # the variance, times the inputs of a unit, that suits ReLU

Images = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Run:
    """One training, and what its first finding must be: `None` for no finding."""

    name: str
    story: str
    network: Callable[[], keras.Model]
    optimizer: Callable[[], keras.optimizers.Optimizer]
    code: str | None = None
    layer: str | None = None


def mlp(activation: str, scale: float, last_bias: float = 0.0) -> keras.Model:
    """Returns a network of `DEPTH` hidden layers; only its initialisation varies.

    Args:
        activation: Name of the activation function of the hidden layers.
        scale: Variance of their weights, times the number of inputs of a unit.
        last_bias: Initial bias of the last hidden layer.
    """
    model = keras.Sequential()
    for number in range(1, DEPTH + 1):
        bias = last_bias if number == DEPTH else 0.0
        model.add(
            keras.layers.Dense(
                64,
                activation=activation,
                kernel_initializer=keras.initializers.VarianceScaling(scale),
                bias_initializer=keras.initializers.Constant(bias),
                name=f"hidden_{number}",
            )
        )
    model.add(keras.layers.Dense(10, activation="softmax", name="classes"))
    return model


RUNS = (
    Run(
        name="1-vanishing",
        story="sigmoid layers with small weights",
        network=lambda: mlp("sigmoid", scale=0.1),
        optimizer=lambda: keras.optimizers.SGD(1e-2),
        code="vanishing-gradient",
        layer="hidden_1",
    ),
    Run(
        name="2-exploding",
        story="ReLU layers with 30 times the variance that suits them",
        network=lambda: mlp("relu", scale=30 * HE),
        optimizer=lambda: keras.optimizers.SGD(1e-2),
        code="bad-initialization",
        layer="hidden_1",
    ),
    Run(
        name="3-dead-units",
        story=f"ReLU layers, the biases of {LAST_HIDDEN} far below zero",
        network=lambda: mlp("relu", scale=HE, last_bias=-10.0),
        optimizer=lambda: keras.optimizers.Adam(1e-3),
        code="dead-units",
        layer=LAST_HIDDEN,
    ),
    Run(
        name="4-repaired",
        story="ReLU layers with He initialisation and zero biases",
        network=lambda: mlp("relu", scale=HE),
        optimizer=lambda: keras.optimizers.Adam(1e-3),
    ),
)


def load_images(data: str, quick: bool) -> tuple[Images, Images]:
    """Returns images as rows of numbers from 0 to 1: to train, and to validate."""
    if data == "digits":  # 1,797 of 8 x 8 pixels, which come with scikit-learn
        x, y = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(x))
        x, y, brightest, batches = x[order], y[order], 16.0, 42
        x_val, y_val = x[batches * BATCH :], y[batches * BATCH :]
    else:
        (x, y), (x_val, y_val) = keras.datasets.fashion_mnist.load_data()
        brightest, batches = 255.0, 300
    count = (batches // 2 if quick else batches) * BATCH

    def rows(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype("float32") / brightest

    return (rows(x[:count]), y[:count]), (rows(x_val), y_val)


def train(
    run: Run, train_images: Images, validation: Images, epochs: int, log_dir: Path
) -> tuple[TrainingDiagnostics, float]:
    """Returns the diagnostics of one training, and its validation accuracy."""
    directory = log_dir / run.name
    for old in directory.glob("events.out.tfevents.*"):
        old.unlink()  # two trainings in one directory would make one zigzag curve
    model = run.network()
    model.compile(
        run.optimizer(), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    # Every step, for smooth curves of a training this short. Leave `every` out in
    # a long one: the default keeps the cost low.
    diagnostics = TrainingDiagnostics(directory, every=1, verbose=0)
    model.fit(
        *train_images,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=validation,
        verbose=0,
        callbacks=[diagnostics],
    )
    _, accuracy = model.evaluate(*validation, batch_size=256, verbose=0)
    return diagnostics, accuracy


def disagreement(run: Run, diagnostics: TrainingDiagnostics, accuracy: float) -> str:
    """Returns in what the outcome differs from the announced one, or nothing."""
    if run.code is None:
        healthy = not diagnostics.findings and accuracy > 0.7
        return "" if healthy else "expected no finding and an accuracy above 70 %"
    first = diagnostics.findings[0] if diagnostics.findings else None
    same_code = first is not None and first.code == run.code
    same_layer = first is not None and run.layer in (None, first.layer)
    if same_code and same_layer:
        return ""
    where = f" in '{run.layer}'" if run.layer else ""
    return f"expected {run.code}{where} as the first finding"


def parse_options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=["digits", "fashion_mnist"], default="digits")
    parser.add_argument("--log-dir", type=Path, default=Path("logs/demo"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="half the images")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    options = parse_options(argv)
    train_images, validation = load_images(options.data, options.quick)
    epochs = 5 if options.data == "digits" else 1
    problems = []
    for run in RUNS:
        keras.utils.set_random_seed(options.seed)
        print(f"\n=== {run.name}: {run.story}", flush=True)
        diagnostics, accuracy = train(
            run, train_images, validation, epochs, options.log_dir
        )
        print(f"Validation accuracy {accuracy:.1%}. {diagnostics.report()}", flush=True)
        problem = disagreement(run, diagnostics, accuracy)
        problems += [f"{run.name}: {problem}"] if problem else []
    print(f"\nCurves of every layer: tensorboard --logdir {options.log_dir}")
    for problem in problems:
        print(f"NOT AS ANNOUNCED: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
