"""Trainings that are interrupted or killed: what is in their logs afterwards.

- Interrupted: another callback raises in a random hook of a random batch, epoch or
  validation. When `fit` has raised, the log must hold each step that was trained.
- Killed: the process gets SIGKILL at a random time. The log must hold, without a gap,
  each step up to the last flush.

Prints PASS or FAIL for each kind, with counts, and what was wrong where it failed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.summaries.event_file import EventFile

BATCHES, EPOCHS = 12, 3
HOOKS = {  # and how often each is called in a whole training
    "on_epoch_begin": EPOCHS,
    "on_epoch_end": EPOCHS,
    "on_train_batch_begin": EPOCHS * BATCHES,
    "on_train_batch_end": EPOCHS * BATCHES,
    "on_test_begin": EPOCHS,
    "on_test_batch_end": 2 * EPOCHS,
    "on_test_end": EPOCHS,
}
ERRORS = (KeyboardInterrupt, RuntimeError, SystemExit, MemoryError)
TAGS = {"gradients": "global_gradient_norm", "activations": "activation_mean/hidden"}


def make_model() -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu", name="hidden"),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    return model


def make_data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(rows, 8)).astype("float32")
    return x, x[:, :3].argmax(axis=1)


def events_in(logs: str) -> list[Any]:
    """Returns the events of all files of a directory, in order."""
    files = sorted(path for path in Path(logs).rglob("*tfevents*"))
    return [event for path in files for event in EventFileLoader(str(path)).Load()]


def steps_in(events: list[Any], tag: str) -> list[int]:
    return [e.step for e in events if any(v.tag == tag for v in e.summary.value)]


class Interrupts(keras.callbacks.Callback):
    """Raises in one hook, when it is called for the `at`-th time."""

    def __init__(self, hook: str, at: int, error: type[BaseException]) -> None:
        super().__init__()
        self._left = at
        self._error = error
        setattr(self, hook, self._count)

    def _count(self, *_: Any, **__: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise self._error


def interrupted(chance: random.Random, model: Any, logs: str) -> tuple[str, str | None]:
    """Trains until it is interrupted; returns how, and what is wrong with the log."""
    hook, error = chance.choice(list(HOOKS)), chance.choice(ERRORS)
    trouble = Interrupts(hook, chance.randrange(HOOKS[hook]), error)
    loggers = {
        "gradients": GradientLogger(logs, every=1),
        "activations": ActivationLogger(logs, every=1),
    }
    callbacks: list[Any] = [*loggers.values(), TrainingDiagnostics(verbose=0)]
    callbacks.insert(chance.randrange(len(callbacks) + 1), trouble)
    x, y = make_data(BATCHES * 16)
    first = int(model.optimizer.iterations)
    try:
        model.fit(
            x,
            y,
            batch_size=16,
            epochs=EPOCHS,
            validation_data=(x[:32], y[:32]),
            validation_batch_size=16,
            verbose=0,
            callbacks=callbacks,
        )
        wrong = "it was not interrupted"
    except BaseException as raised:
        wrong = None if type(raised) is error else f"{type(raised).__name__} instead"
    trained = list(range(first, int(model.optimizer.iterations)))
    events = events_in(logs)
    for name, logger in loggers.items():
        written = steps_in(events, TAGS[name])
        if written != trained:
            lost = sorted(set(trained) - set(written))
            wrong = f"{name}: {len(lost)} of {len(trained)} steps not in the log"
        elif logger.history.steps.tolist() != trained:
            wrong = f"{name}: not in the history"
    return f"{hook}, {error.__name__}", wrong


def interruptions(options: argparse.Namespace) -> bool:
    chance, model = random.Random(options.seed), make_model()
    wrong: Counter[str] = Counter()
    for number in range(options.interruptions):
        with tempfile.TemporaryDirectory() as logs:
            how, problem = interrupted(chance, model, logs)
        if problem is not None:
            wrong[f"{how}: {problem}"] += 1
            print(f"  {number}: {how}: {problem}", flush=True)
    failed = wrong.total()
    passed = options.interruptions - failed
    print(
        f"{'FAIL' if failed else 'PASS'} interrupted: all steps in the log of "
        f"{passed} of {options.interruptions} trainings",
        flush=True,
    )
    return not failed


def train_for_ever(logs: str, notes: str) -> None:
    """Trains; notes in a file how many events are flushed, and the steps trained."""
    with open(os.devnull, "w") as quiet:
        os.dup2(quiet.fileno(), sys.stderr.fileno())
    note = os.open(notes, os.O_WRONLY | os.O_CREAT)
    written, (write, flush) = 0, (EventFile.write, EventFile.flush)

    def counting_write(file: EventFile, event: bytes) -> None:
        nonlocal written
        write(file, event)
        written += 1

    def noting_flush(file: EventFile) -> None:
        flush(file)
        os.pwrite(note, f"{written:12}".encode(), 0)

    EventFile.write, EventFile.flush = counting_write, noting_flush
    model = make_model()
    trained = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: os.pwrite(
            note, f"{int(model.optimizer.iterations):12}".encode(), 12
        )
    )
    x, y = make_data(1600)
    callbacks = [trained, GradientLogger(logs, every=1)]
    model.fit(x, y, batch_size=16, epochs=10**6, verbose=0, callbacks=callbacks)


def killed(chance: random.Random, logs: str, most: float) -> tuple[str, str | None]:
    """Kills a training; returns what was in the log, and what is wrong with it."""
    notes = Path(logs, "notes")
    context = multiprocessing.get_context("forkserver")
    arguments = (f"{logs}/run", str(notes))
    process = context.Process(target=train_for_ever, args=arguments, daemon=True)
    process.start()
    until = time.monotonic() + 300
    while not (notes.exists() and notes.stat().st_size >= 24):
        time.sleep(0.05)
        if time.monotonic() > until or not process.is_alive():
            return "", "it did not start"
    time.sleep(chance.uniform(0.0, most))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    at = time.time()
    process.join()
    flushed, trained = map(int, notes.read_text().split())
    events = events_in(f"{logs}/run")
    steps = steps_in(events, TAGS["gradients"])
    behind = at - events[-1].wall_time if steps else 0.0
    told = f"{len(steps)} of {trained} steps, {behind:.1f} s behind"
    if len(events) < flushed:
        return told, f"{flushed - len(events)} events were flushed and are lost"
    if steps != list(range(len(steps))):
        return told, "there is a gap"
    return told, None


def kills(options: argparse.Namespace) -> bool:
    multiprocessing.set_forkserver_preload(["interruptions"])
    chance, failed, without = random.Random(options.seed), 0, 0
    for number in range(options.kills):
        with tempfile.TemporaryDirectory() as logs:
            told, wrong = killed(chance, logs, options.seconds)
        failed += wrong is not None
        without += told.startswith("0 of")
        print(f"  {number}: {told}{f': {wrong}' if wrong else ''}", flush=True)
    print(
        f"{'FAIL' if failed else 'PASS'} killed: each step up to the last flush in the "
        f"log of {options.kills - failed} of {options.kills} trainings "
        f"({without} before the first)"
    )
    return not failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interruptions", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=15.0, help="until a kill")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    # Kills first: no operation may have run where processes are forked from.
    passed = [options.kills == 0 or kills(options)]
    passed.append(options.interruptions == 0 or interruptions(options))
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
