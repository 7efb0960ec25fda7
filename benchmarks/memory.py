"""What callbacks keep: memory per `fit`, per recorded step, and bytes of log per step.

Prints for each bound what was measured, and PASS or FAIL. Memory is what the system
counts as resident, after a collection of garbage and after free memory was given back.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.records.history import History

MEGABYTE = 2**20
PER_FIT, PER_STEP, BYTES_OF_LOG, FLAT = 0.05, 2.0, 4.0, 2.0  # MB, microseconds, B, MB


def resident() -> float:
    """Returns the megabytes of this process that are in memory."""
    for _ in range(3):
        gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def verdict(name: str, value: float, bound: float, unit: str) -> None:
    word = "PASS" if value <= bound else "FAIL"
    print(f"{word} {name}: {value:.3g} {unit} (bound {bound:g})", flush=True)


def tiny_model(layers: int = 2) -> Any:
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(16, "relu") for _ in range(layers)]
    model = keras.Sequential([keras.Input((8,)), *hidden, keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=False)
    return model


def batches(rows: int = 1024) -> Any:
    x = np.random.default_rng(0).normal(size=(rows, 8)).astype("float32")
    y = x[:, :3].argmax(axis=1)
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(32).cache().repeat()


def growth_per_fit(make: Callable[[], list[Any]], fits: int, warm_up: int) -> float:
    """Returns the megabytes that each `fit` of one model leaves, by a line fit."""
    model, data, sizes = tiny_model(), batches(), []
    for number in range(1, warm_up + fits + 1):
        model.fit(data, steps_per_epoch=30, verbose=0, callbacks=make())
        if number >= warm_up and number % 10 == 0:
            sizes.append((number, resident()))
    return float(np.polyfit(*zip(*sizes), 1)[0])


def fits(options: argparse.Namespace) -> None:
    """Measures what each `fit` with a new callback leaves, and one without any."""
    arms: dict[str, Callable[[], list[Any]]] = {
        "no callback (control)": lambda: [],
        "TrainingDiagnostics": lambda: [TrainingDiagnostics(verbose=0)],
        "GradientLogger(every=1)": lambda: [GradientLogger(every=1)],
    }
    plain = 0.0
    for name, make in arms.items():
        grown = growth_per_fit(make, options.fits, warm_up=20)
        plain = plain or grown
        verdict(f"kept per fit, {name}", grown, max(plain, 0.0) + PER_FIT, "MB")
    with tempfile.TemporaryDirectory() as logs:
        grown = growth_per_fit(
            lambda: [TrainingDiagnostics(logs, verbose=0)], options.fits, warm_up=20
        )
        verdict("kept per fit, with a log_dir", grown, max(plain, 0.0) + PER_FIT, "MB")


def history(options: argparse.Namespace) -> None:
    """Measures a million recorded steps of three layers, handed over by 64."""
    layers, batch = 3, 64
    rng = np.random.default_rng(0)
    values = {f"statistic_{k}": rng.normal(size=(batch, layers)) for k in range(17)}
    values["learning_rate"] = np.full(batch, 0.1)
    values["statistic_0"][:, 0] = np.nan  # a layer without it
    for name, most in (("bounded", 10_000), ("unbounded", None)):
        recorded = History(tuple("abc"), max_steps=most)
        before, began = resident(), time.process_time()
        for first in range(0, options.recorded, batch):
            recorded.extend(np.arange(first, first + batch), values)
        spent = time.process_time() - began
        grown = resident() - before
        per_step = 1e6 * spent / options.recorded
        print(
            f"history of {options.recorded:,} steps, {name}: {len(recorded):,} kept, "
            f"{grown:.1f} MB, {per_step:.2f} microseconds per step"
        )
        if most is not None:
            verdict("memory of the history", grown, 20.0, "MB")
            began, thinned = time.process_time(), 0
            while time.process_time() - began < 2.0:
                room = most - len(recorded)
                recorded.extend(np.arange(room), {})
                recorded._thin()
                thinned += most // 2
            spent = time.process_time() - began
            verdict("thinning", 1e6 * spent / thinned, PER_STEP, "microseconds a step")
        del recorded


class Sizes(keras.callbacks.Callback):
    """Notes the resident memory twenty times."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._apart = max(steps // 20, 1)
        self._step = 0
        self.sizes: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._step += 1
        if self._step % self._apart == 0:
            self.sizes.append(resident())
            print(f"  step {self._step:>9,}: {self.sizes[-1]:8.1f} MB", flush=True)


def training(options: argparse.Namespace) -> None:
    """Measures a long training at default settings: memory, and bytes of log."""
    with tempfile.TemporaryDirectory() as logs:
        sizes = Sizes(options.steps)
        diagnostics = TrainingDiagnostics(logs, verbose=0)
        began = time.perf_counter()
        tiny_model(options.layers).fit(
            batches(),
            steps_per_epoch=options.epoch,
            epochs=options.steps // options.epoch,
            verbose=0,
            callbacks=[diagnostics, sizes],
        )
        seconds = time.perf_counter() - began
        files = [path for path in Path(logs).rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
    print(
        f"{options.steps:,} steps of {options.layers + 1} layers in {seconds:.0f} s, "
        f"epochs of {options.epoch}: {len(diagnostics.history):,} steps recorded, "
        f"{size:,} bytes of log"
    )
    verdict("log", size / options.steps, BYTES_OF_LOG, "bytes per step")
    grown = sizes.sizes[-1] - sizes.sizes[len(sizes.sizes) // 4]
    verdict("memory over the last three quarters", grown, FLAT, "MB")


PARTS = {"fits": fits, "history": history, "training": training}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--fits", type=int, default=60)
    parser.add_argument("--recorded", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--epoch", type=int, default=1000, help="steps of an epoch")
    parser.add_argument("--layers", type=int, default=2, help="hidden ones")
    options = parser.parse_args()
    for name in options.parts or PARTS:
        PARTS[name](options)


if __name__ == "__main__":
    main()
