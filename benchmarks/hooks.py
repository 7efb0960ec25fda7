"""What an ordinary step costs on JAX and torch, hook by hook, in microseconds.

Run as `KERAS_BACKEND=jax python benchmarks/hooks.py [--models NAME ...] [--steps N]`.
Taken is the processor time of the thread that trains, in each of the calls that
`TrainingDiagnostics()` gets for a batch, less that of an empty hook timed in the same
way. The median is that of an ordinary step; in the mean are losses that are read
together, snapshots, and what comes before and after a sample. It holds on a machine
that is not quiet, too, where whole trainings tell nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
from fresh import in_fresh_process
from machine import machine
from overhead import MODELS
from paired import FIRST_STEPS

from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.inspection.session import MonitoringSession


class Timed:
    """A function whose calls are timed."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.seconds: list[float] = []

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        began = time.thread_time()
        result = self._function(*arguments, **named)
        self.seconds.append(time.thread_time() - began)
        return result


def rows(name: str, steps: int) -> list[tuple[str, float, float]]:
    """Returns for each hook its name, and the median and the mean of its calls."""
    warnings.simplefilter("ignore")  # they would stand among the figures
    training, _ = MODELS[name]
    diagnostics, empty = TrainingDiagnostics(verbose=0), keras.callbacks.Callback()
    timed = {"empty": Timed(lambda batch, logs=None: None)}
    vars(empty)["on_train_batch_begin"] = timed["empty"]
    hooks = ["on_train_batch_begin", "on_train_batch_end"]
    # On JAX there is no second one, or Keras would wait for each step.
    for hook in hooks[: 1 if keras.backend.backend() == "jax" else 2]:
        timed[hook] = vars(diagnostics)[hook] = Timed(getattr(diagnostics, hook))
    ring = _ring()
    timed["ring of batches"] = keep = Timed(ring._keep)
    ring._keep = lambda *arguments: keep(*arguments)
    timed["train function returned"] = end = Timed(
        MonitoringSession._train_function_returned
    )
    MonitoringSession._train_function_returned = lambda *arguments: end(*arguments)
    model, data = training.make_model(), training.data()
    callbacks = [empty, diagnostics]
    model.fit(data, steps_per_epoch=steps, verbose=0, callbacks=callbacks)
    found = {
        hook: each.seconds[FIRST_STEPS:] for hook, each in timed.items() if each.seconds
    }
    nothing = statistics.median(found.pop("empty"))
    return [
        (hook, statistics.median(taken) - nothing, statistics.mean(taken) - nothing)
        for hook, taken in found.items()
    ]


def _ring() -> Any:
    if keras.backend.backend() == "jax":
        from keras_extras.backends.jax.batch_ring import BatchRing
    else:
        from keras_extras.backends.torch.batch_ring import BatchRing
    return BatchRing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["MLP"])
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    if keras.backend.backend() == "tensorflow":
        parser.error("see accounted.py")
    print(f"{machine()}, batch 32, {options.steps} steps\n")
    print("| model | hook | ordinary step, µs | mean, µs |")
    print("|---|---|---|---|", flush=True)
    for name in options.models:
        found = in_fresh_process(rows, name, options.steps)
        together = [sum(row[part] for row in found) for part in (1, 2)]
        for hook, median, mean in [*found, ("all", *together)]:
            print(f"| {name} | {hook} | {1e6 * median:.1f} | {1e6 * mean:.1f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
