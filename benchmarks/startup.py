"""How much later a training starts with `TrainingDiagnostics()`.

Run as `python benchmarks/startup.py [--models NAME ...] [--rounds N]`. Each value is
the processor time of the first 16 steps of a `fit` in a fresh process, beyond that of
plain training: a median over rounds in which each arm has its turn. The control is
plain training again. Ends with 1 if a bound is not met.
"""

from __future__ import annotations

import argparse
import compileall
import os
import random
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
from fresh import in_fresh_process
from machine import machine
from trainings import CNN
from trainings import DEEP
from trainings import EFFICIENT_NET
from trainings import HUNDRED
from trainings import MLP
from trainings import THOUSAND
from trainings import Training

import keras_extras
from keras_extras.callbacks import TrainingDiagnostics

STEPS = 16


@dataclass(frozen=True)
class Start:
    """A training, and how many seconds later it may start.

    Attributes:
        training: What to train.
        bound: Seconds of processor time.
        rounds: How often to measure at most; the large ones take long.
        steps: Number of steps.
    """

    training: Training
    bound: float
    rounds: int = 5
    steps: int = STEPS


STARTS = {
    "MLP": Start(MLP, 0.15),
    "MLP, 300 steps": Start(MLP, 0.3, steps=300),
    "21 layers": Start(DEEP, 0.4),
    "100 layers": Start(HUNDRED, 1.5),
    "EfficientNetB0": Start(EFFICIENT_NET, 2.5),
    # The report is that at the end of these steps.
    "1,000 layers, first report": Start(THOUSAND, 20.0, rounds=3),
}
# On JAX a first sample compiles; torch has nothing to do beforehand.
BOUNDS = {"jax": (0.6, 0.7, 1.2), "torch": (0.05, 0.05, 0.05)}
if keras.backend.backend() in BOUNDS:
    bounds = BOUNDS[keras.backend.backend()]
    models = {"MLP": MLP, "21 layers": DEEP, "small CNN": CNN}
    STARTS = {
        name: Start(training, bound)
        for (name, training), bound in zip(models.items(), bounds)
    }
ARMS: dict[str, Callable[[], list[Any]]] = {
    "plain": list,
    "control": list,
    "diagnostics": lambda: [TrainingDiagnostics(verbose=0)],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=STARTS, default=list(STARTS))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    # As pip does when it installs; the modules are imported in each process.
    compileall.compile_dir(os.path.dirname(keras_extras.__file__), quiet=1)
    print(f"{machine()}, first {STEPS} steps, seconds of processor time\n")
    print("| model | plain | control | `TrainingDiagnostics()` | bound | recorded | |")
    print("|---|---|---|---|---|---|---|", flush=True)
    met = [
        _measure(name, min(options.rounds, STARTS[name].rounds))
        for name in options.models
    ]
    return 0 if all(met) else 1


def _measure(name: str, rounds: int) -> bool:
    """Prints the row of one training, and returns whether its bound is met."""
    start = STARTS[name]
    seconds: dict[str, list[float]] = {arm: [] for arm in ARMS}
    recorded = 0
    for _ in range(rounds):
        for arm in random.sample(list(ARMS), len(ARMS)):
            taken, steps = in_fresh_process(_first_steps, start, arm)
            seconds[arm].append(taken)
            recorded = max(recorded, steps)
    plain = statistics.median(seconds["plain"] + seconds["control"])
    extra = statistics.median(seconds["diagnostics"]) - plain
    control = statistics.median(seconds["control"]) - statistics.median(
        seconds["plain"]
    )
    met = extra <= start.bound and recorded > 0
    spread = ", ".join(
        f"{each - plain:+.2f}" for each in sorted(seconds["diagnostics"])
    )
    cells = [name, f"{plain:.2f}", f"{control:+.2f}", f"{extra:+.2f} ({spread})"]
    cells += [f"{start.bound:g}", str(recorded), "met" if met else "**not met**"]
    print(f"| {' | '.join(cells)} |", flush=True)
    return met


def _first_steps(start: Start, arm: str) -> tuple[float, int]:
    """Returns the processor time of the first steps, and how many were recorded."""
    warnings.simplefilter("ignore")  # they would stand among the figures
    keras.utils.set_random_seed(1)
    model, data = start.training.make_model(), start.training.data(STEPS)
    callbacks = ARMS[arm]()
    began = time.process_time()
    model.fit(data, steps_per_epoch=start.steps, verbose=0, callbacks=callbacks)
    taken = time.process_time() - began
    return taken, sum(len(callback.history) for callback in callbacks)


if __name__ == "__main__":
    sys.exit(main())
