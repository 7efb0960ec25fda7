"""What monitoring at its default costs, counted where it is spent.

Run as `python benchmarks/accounted.py [--models NAME ...] [--steps N]`. `overhead.py`
compares whole trainings, which on a noisy machine tells differences of several per
cent. This adds up the processor time in the hooks of `TrainingDiagnostics(log_dir)`,
between them in a sampled step on top of the user's own function, in its writing thread,
and in its stage of the data pipeline, as shares of the training from the sixteenth step
to the return of `fit`. What is slower merely because these ran, such as a cold cache,
is not in it, nor what timing a hook takes: that is measured on a callback beside whose
hooks do nothing, and taken off.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import tensorflow as tf
from fresh import in_fresh_process
from keras.src.backend.tensorflow.trainer import TFEpochIterator
from machine import machine
from overhead import MODELS
from trainings import Training
from unsampled import empty_callback

from keras_extras.backends.tensorflow.batch_ring import BatchRing
from keras_extras.callbacks import TrainingDiagnostics

FIRST_STEPS = 16
_HOOKS = (
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_epoch_end",
    "on_train_end",
)


class Account:
    """Adds up the processor time that a callback takes in its hooks."""

    def __init__(self, callback: Any) -> None:
        self.seconds = 0.0
        for name in _HOOKS:
            setattr(callback, name, self._timed(getattr(callback, name)))

    def _timed(self, hook: Any) -> Any:
        def run(*arguments: Any, **named: Any) -> None:
            began = time.thread_time()
            hook(*arguments, **named)
            self.seconds += time.thread_time() - began

        return run


class Start(keras.callbacks.Callback):
    """Notes what had been spent when the start of a training was over."""

    def __init__(self, diagnostics: Any, account: Account, timing: Account) -> None:
        super().__init__()
        self._diagnostics, self._account = diagnostics, account
        self._timing = timing

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == FIRST_STEPS - 1:
            self.all = time.process_time()
            self.hooks = self._account.seconds - self._timing.seconds
            self.samples = _spent_on_samples(self._diagnostics)
            self.writer = self._diagnostics._writer._background
            self.writing = self.writer.seconds


def _spent_on_samples(diagnostics: Any) -> float:
    cost = diagnostics.cost
    return 1e-3 * cost.samples * cost.ms_per_sample


def shares(name: str, steps: int) -> tuple[dict[str, float], int]:
    """Returns shares of the training, and the number of samples."""
    training, _ = MODELS[name]
    with tempfile.TemporaryDirectory() as logs:
        diagnostics = TrainingDiagnostics(logs, verbose=0)
        account = Account(diagnostics)
        empty = empty_callback(TrainingDiagnostics)
        timing = Account(empty)
        start = Start(diagnostics, account, timing)
        model, data = training.make_model(), training.data()
        model.fit(
            data,
            steps_per_epoch=steps,
            verbose=0,
            callbacks=[empty, diagnostics, start],
        )
        passed = time.process_time() - start.all
    spent = {
        "hooks": account.seconds - timing.seconds - start.hooks,
        "samples": _spent_on_samples(diagnostics) - start.samples,
        "writing": start.writer.seconds - start.writing,
        "pipeline": _ring_seconds(training) * steps,
    }
    return {part: each / passed for part, each in spent.items()}, len(
        diagnostics.history
    )


def _ring_seconds(training: Training) -> float:
    """Returns what the stage behind the pipeline takes for each batch."""
    arms = {"without": _reader(training, False), "with": _reader(training, True)}
    seconds: dict[str, list[float]] = {arm: [] for arm in arms}
    for _ in range(40):
        for arm in random.sample(list(arms), len(arms)):
            began = time.process_time()
            for _ in range(50):
                arms[arm]()
            seconds[arm].append((time.process_time() - began) / 50)
    return statistics.median(seconds["with"]) - statistics.median(seconds["without"])


def _reader(training: Training, has_ring: bool) -> Any:
    epochs = TFEpochIterator(
        x=training.data(),
        steps_per_epoch=10**6,
        distribute_strategy=tf.distribute.get_strategy(),
    )
    ring = BatchRing(epochs) if has_ring else None
    iterator = iter(epochs._distributed_dataset)
    function = tf.function(lambda it: tf.nest.flatten(next(it))[0][0])
    function(iterator)

    def read() -> Any:
        return function(iterator), ring

    return read


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--steps", type=int, default=5136)
    options = parser.parse_args()
    print(f"{machine()}, batch 32, {options.steps} steps\n")
    print("| model | hooks | samples | writing | pipeline | all | taken | bound | |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    met = [_print_row(name, options.steps) for name in options.models]
    return 0 if all(met) else 1


def _print_row(name: str, steps: int) -> bool:
    bound = MODELS[name][1]
    parts, samples = in_fresh_process(shares, name, steps)
    together = sum(parts.values())
    cells = [name, *(f"{part:.2%}" for part in parts.values()), f"{together:.2%}"]
    cells += [str(samples), f"{bound:.1%}"]
    cells += ["met" if together <= bound else "**not met**"]
    print(f"| {' | '.join(cells)} |", flush=True)
    return together <= bound


if __name__ == "__main__":
    raise SystemExit(main())
