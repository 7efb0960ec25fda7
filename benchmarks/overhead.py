"""What monitoring costs per step, against training without it.

Run as `python benchmarks/overhead.py [--models NAME ...] [--steps N] [--others]`. All
arms train in turns for the same number of steps; the figures are processor time, from
the sixteenth step to the return of `fit`, and that of the whole training with its
start, whose own bound is in `startup.py`. Ends with 1 if a bound is not met.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
from machine import machine
from paired import Arm
from paired import compare
from trainings import CNN
from trainings import DEEP
from trainings import MLP
from trainings import Training
from trainings import small
from unsampled import print_unsampled

from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import TrainingDiagnostics

_EVERY_STEP = 1.2  # at most 2.2 times the plain step
MODELS = {"MLP": (MLP, 0.015), "21 layers": (DEEP, 0.015), "small CNN": (CNN, 0.01)}


class SecondTape(keras.callbacks.Callback):
    """What tutorials do: another forward and backward pass after each batch."""

    def __init__(self, training: Training) -> None:
        super().__init__()
        x, y = training.arrays(batches=1)
        self._x, self._y = map(keras.ops.convert_to_tensor, (x, y))
        self._norms: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        import tensorflow as tf

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


def arms_of(name: str, others: bool) -> list[tuple[Arm, float | None]]:
    """Returns the arms with their bounds; the first one is the baseline."""
    training, bound = MODELS[name]
    arms: list[tuple[Arm, float | None]] = [
        (Arm("no callback"), None),
        (Arm("no callback again (control)"), None),
        (
            _arm("TrainingDiagnostics()", lambda _: TrainingDiagnostics(verbose=0)),
            bound,
        ),
        (
            _arm(
                "TrainingDiagnostics(log_dir)",
                lambda logs: TrainingDiagnostics(f"{logs}/ours", verbose=0),
            ),
            bound,
        ),
    ]
    if training is not CNN:
        make = lambda _: TrainingDiagnostics(every=1, verbose=0)
        arms.append((_arm("TrainingDiagnostics(every=1)", make), _EVERY_STEP))
    if others:
        arms += [(arm, None) for arm in _others(training)]
    return arms


def _arm(name: str, make: Callable[[str], Any]) -> Arm:
    return Arm(f"`{name}`", lambda logs: [make(logs)])


def _others(training: Training) -> list[Arm]:
    return [
        _arm("GradientLogger()", lambda _: GradientLogger()),
        Arm("second `GradientTape` pass", lambda _: [SecondTape(training)]),
        _arm(
            'TensorBoard(histogram_freq=1, update_freq="batch")',
            lambda logs: keras.callbacks.TensorBoard(
                f"{logs}/tensorboard", histogram_freq=1, update_freq="batch"
            ),
        ),
    ]


def print_table(name: str, steps: int, others: bool) -> bool:
    """Measures one model, prints its table, and returns whether all bounds are met."""
    chosen = arms_of(name, others)
    arms = [arm for arm, _ in chosen]
    with tempfile.TemporaryDirectory() as logs:
        compare(arms, MODELS[name][0], steps, logs)
    print(f"\n{name}\n")
    print("| arm | ms per step | processor time | with its start | samples | bound | |")
    print("|---|---|---|---|---|---|---|")
    met = [_print_row(arm, arms[0], steps, bound) for arm, bound in chosen]
    return all(met)


def _print_row(arm: Arm, base: Arm, steps: int, bound: float | None) -> bool:
    excess = arm.excess(base)
    met = bound is None or (excess <= bound and arm.recorded > 0)
    cells = [
        arm.name,
        f"{1000 * arm.per_step(steps):.3f}",
        f"{excess:+.2%} (±{arm.error(base):.2%})",
        f"{arm.excess_with_start(base):+.1%}",
        str(arm.recorded),
        "" if bound is None else f"{bound:.1%}",
        "" if bound is None else "met" if met else "**not met**",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = [*MODELS, "unsampled step"]
    parser.add_argument("--models", nargs="*", choices=parts, default=parts)
    parser.add_argument("--steps", type=int, default=5136)
    others = "other callbacks too, on TensorFlow"
    parser.add_argument("--others", action="store_true", help=others)
    options = parser.parse_args()
    print(f"{machine()}, batch 32, {options.steps} steps")
    met = [
        print_table(name, options.steps, options.others)
        for name in options.models
        if name in MODELS
    ]
    if "unsampled step" in options.models:
        met.append(print_unsampled(small(), 4 * options.steps))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
