"""False alarms on healthy trainings: every optimizer, with and without 1cycle.

Run as `python benchmarks/healthy.py [--rows N] [--epochs N] [--only TEXT]`. Each line
is a training of one model, data set, optimizer and schedule; one that does not learn
is listed as such and counts as neither silent nor false alarm. `--results FILE` is
where the lines go, and an interrupted run goes on from there. `--sample N` takes N of
the trainings, by chance with a fixed seed.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
from faults import data

from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import TrainingDiagnostics

optimizers = keras.optimizers
layers = keras.layers

# Usual rates: Keras' default where it is one, else what the authors recommend. With
# Keras' `epsilon_1`, Adafactor divides 0 by 0 where an input is always zero; with its
# accumulator, Ftrl forgets the initial weights in its first step.
OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.05),
    "SGD momentum": lambda: optimizers.SGD(0.01, momentum=0.9),
    "SGD Nesterov": lambda: optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "RMSprop": lambda: optimizers.RMSprop(1e-3),
    "Adam": lambda: optimizers.Adam(1e-3),
    "AdamW": lambda: optimizers.AdamW(1e-3),
    "Adadelta": lambda: optimizers.Adadelta(1.0),
    "Adagrad": lambda: optimizers.Adagrad(0.03),
    "Adamax": lambda: optimizers.Adamax(2e-3),
    "Adafactor": lambda: optimizers.Adafactor(0.01, epsilon_1=1e-16),
    "Nadam": lambda: optimizers.Nadam(1e-3),
    "Ftrl": lambda: optimizers.Ftrl(0.05, initial_accumulator_value=1e-12),
    "Lion": lambda: optimizers.Lion(3e-4),
    "Lamb": lambda: optimizers.Lamb(0.01),
    "Muon": lambda: optimizers.Muon(1e-3),
}


def mlp() -> list[Any]:
    return [
        layers.Flatten(),
        layers.Dense(64, "relu", kernel_initializer="he_normal"),
        layers.Dense(32, "relu", kernel_initializer="he_normal"),
    ]


def cnn() -> list[Any]:
    return [
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(32, "relu"),
    ]


def lstm(size: int) -> list[Any]:
    return [layers.Reshape((size, size)), layers.LSTM(24)]


class Block(layers.Layer):
    """Attention and a small net, each with a residual connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, width // 2)
        self.norms = [layers.LayerNormalization(), layers.LayerNormalization()]
        self.inner = layers.Dense(2 * width, "gelu")
        self.outer = layers.Dense(width)

    def call(self, x: Any) -> Any:
        normed = self.norms[0](x)
        x = x + self.attention(normed, normed)
        return x + self.outer(self.inner(self.norms[1](x)))


def transformer(size: int) -> list[Any]:
    return [
        layers.Reshape((size, size)),
        layers.Dense(24),
        Block(24),
        layers.GlobalAveragePooling1D(),
    ]


def body(name: str, size: int) -> list[Any]:
    if name in ("MLP", "CNN"):
        return mlp() if name == "MLP" else cnn()
    return lstm(size) if name == "LSTM" else transformer(size)


def images(name: str, rows: int) -> Any:
    if name == "digits":
        (x, y), (xv, yv) = data.digits(flat=False)
        return (x[:rows], y[:rows]), (xv[:300], yv[:300])
    (x, y), held_out = data.fashion(rows)
    return (x, y), held_out


def train(case: tuple[str, ...], rows: int, epochs: int) -> dict[str, Any]:
    """Returns what a training came to, and what was said of it."""
    source, name, optimizer, schedule = case
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    (x, y), held_out = images(source, rows)
    size = x.shape[1]
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            *body(name, size),
            layers.Dense(10, "softmax"),
        ]
    )
    made = OPTIMIZERS[optimizer]()
    model.compile(made, "sparse_categorical_crossentropy", metrics=["accuracy"])
    if keras.backend.backend() != "jax":  # which is nothing without
        model.jit_compile = False
    diagnostics = TrainingDiagnostics(verbose=0)
    callbacks = [diagnostics]
    if schedule == "1cycle":
        rate = 2.0 * float(made.learning_rate)
        callbacks.append(OneCycleScheduler(max_rate=rate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about momentum
        history = model.fit(
            x,
            y,
            batch_size=32,
            epochs=epochs,
            validation_data=held_out,
            validation_batch_size=500,
            verbose=0,
            callbacks=callbacks,
        ).history
    claims = [f.code for f in diagnostics.findings if f.severity != "info"]
    return {
        "case": case,
        "accuracy": history["accuracy"][-1],
        "claims": claims,
        "advice": [f.code for f in diagnostics.findings if f.severity == "info"],
    }


def cases(only: str) -> Iterator[tuple[str, ...]]:
    for case in itertools.product(
        ("digits", "fashion"),
        ("MLP", "CNN", "LSTM", "transformer"),
        OPTIMIZERS,
        ("constant", "1cycle"),
    ):
        if only in " ".join(case):
            yield case


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1280)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--only", default="")
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument(
        "--learns", type=float, default=0.5, help="accuracy that counts"
    )
    parser.add_argument("--results", type=Path, default=Path("logs/healthy.jsonl"))
    options = parser.parse_args()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    found = []
    if options.results.exists():
        found = [json.loads(line) for line in options.results.read_text().splitlines()]
    done = {tuple(result["case"]) for result in found}
    with options.results.open("a") as file:
        chosen = list(cases(options.only))
        if options.sample is not None:
            chosen = random.Random(0).sample(chosen, len(chosen))[: options.sample]
        for case in chosen:
            if case in done:
                continue
            result = train(case, options.rows, options.epochs)
            file.write(json.dumps(result) + "\n")
            file.flush()
            found.append(result)
            said = " ".join(result["claims"]) or "silent"
            print(f"{' '.join(case):44} {result['accuracy']:.3f} {said}", flush=True)
            gc.collect()
    learnt = [r for r in found if r["accuracy"] >= options.learns]
    alarms = [r for r in learnt if r["claims"]]
    print(f"{len(found)} trainings, {len(learnt)} of them learn, {len(alarms)} alarms")


if __name__ == "__main__":
    main()
