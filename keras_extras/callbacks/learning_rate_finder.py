from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import keras

from keras_extras import checks
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.finder.rules import NAMES
from keras_extras.finder.sweep import LearningRateSweep
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.building import build_in_fit
from keras_extras.keras_internals.building import build_optimizer
from keras_extras.keras_internals.callback_state import state_of
from keras_extras.keras_internals.loss_tracker import LossTracker
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.keras_internals.snapshot import Snapshot
from keras_extras.log_dir import check_log_dir
from keras_extras.schedules.curve import as_float
from keras_extras.steering.checks import check_alone
from keras_extras.steering.checks import check_backend
from keras_extras.steering.checks import check_drivable
from keras_extras.steering.controller import HyperparameterController
from keras_extras.steering.targets import chosen_optimizers
from keras_extras.summaries.run import open_run


@dataclass
class _Run:
    """The state of one sweep."""

    loss: LossTracker
    controller: HyperparameterController | None = None
    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    average: float = 0.0  # of the losses, not yet corrected for its start at 0
    best: float = math.inf  # the least smoothed loss
    begins: int = 0  # batches that the optimizer had seen before
    group: int = 1  # batches at each rate


class LearningRateFinder(keras.callbacks.Callback):
    """Runs a learning rate range test as a `fit`, and suggests a learning rate.

    `keras_extras.find_learning_rate` is the easier way to use it, and also restores
    random generators. The callback turns a `fit` into a sweep: one batch is trained at
    each learning rate, and the loss of that batch is recorded (Keras reports the mean
    since the epoch began, from which finders suggest too high a rate). The `fit` ends
    when the loss explodes. Then weights, optimizer, metrics and the seeds of layers are
    restored. Give the `fit` enough epochs, and no other callbacks that save or stop.

    With `steps_per_execution`, one point of the sweep is one execution, and the loss is
    the mean over its batches. On JAX the callback waits for each step.

    Args:
        min_rate: Float, the first learning rate. Defaults to `1e-06`.
        max_rate: Float, the last learning rate. Defaults to `10.0`.
        steps: Integer, number of rates. Defaults to `300`.
        mode: `"exponential"` or `"linear"`: how the rate grows from the first to the
            last. Defaults to `"exponential"`.
        smoothing: Float, weight of earlier losses in the moving average of the losses.
            Defaults to `0.98`.
        stop_factor: Float > 1. The sweep ends when the smoothed loss is this many times
            its lowest value; `None` to continue. NaN always ends it. Defaults to `4.0`.
        rule: `"edge"`, `"valley"`, `"slide"`, `"minimum"` or `"steep"`, as for
            `find_learning_rate`. Defaults to `"edge"`.
        log_dir: Path of a directory to write the sweep to for TensorBoard, with
            the number of the point as the step, or `None` to write nothing. Defaults to
            `None`.

    Attributes:
        sweep: The `keras_extras.finder.LearningRateSweep`, after the `fit`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if
            the model has no optimizer.

    Example:

    ```python
    finder = keras_extras.callbacks.LearningRateFinder()
    model.fit(x, y, epochs=100, verbose=0, callbacks=[finder])
    print(finder.sweep.suggestion)
    ```

    References:
        Smith (2015), "Cyclical Learning Rates for Training Neural Networks",
        arXiv:1506.01186.
    """

    def __init__(
        self,
        min_rate: float = 1e-6,
        max_rate: float = 10.0,
        steps: int = 300,
        mode: str = "exponential",
        smoothing: float = 0.98,
        stop_factor: float | None = 4.0,
        rule: str = "edge",
        log_dir: str | None = None,
    ) -> None:
        super().__init__()
        self.min_rate = checks.check_rate("min_rate", min_rate)
        self.max_rate = checks.check_rate("max_rate", max_rate)
        if self.min_rate >= self.max_rate:
            raise ValueError(
                "`min_rate` must be less than `max_rate`. "
                f"Received: min_rate={min_rate}, max_rate={max_rate}"
            )
        self.steps = checks.check_count("steps", steps, least=2)
        self.mode = checks.check_choice("mode", mode, ("exponential", "linear"))
        self.smoothing = checks.check_momentum("smoothing", smoothing)
        if stop_factor is not None and (
            not checks.is_number(stop_factor) or stop_factor <= 1
        ):
            raise ValueError(
                "`stop_factor` must be a number > 1, or None. "
                f"Received: stop_factor={stop_factor!r}"
            )
        self.stop_factor = stop_factor
        self.rule = checks.check_choice("rule", rule, NAMES)
        check_log_dir(log_dir)
        self.log_dir = log_dir
        self.sweep: LearningRateSweep | None = None
        self._run: _Run | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what belongs to a training that is going on."""
        return state_of(self, _run=None)

    def on_train_begin(self, logs: Any = None) -> None:
        self._check()
        build_in_fit(self.model, type(self).__name__)
        self.sweep = None
        self._run = run = _Run(LossTracker(self.model))
        run.group = math.lcm(
            self.model.steps_per_execution,
            hyperparameters.accumulation_steps(self.model.optimizer),
        )
        run.controller = HyperparameterController.join(self.model, self._plan)

    def _check(self) -> None:
        """Raises an error if the rate of this model cannot be swept."""
        check_backend()
        chosen = chosen_optimizers(self.model, None)
        if chosen != [self.model.optimizer]:
            names = ", ".join(optimizer.name for optimizer in chosen)
            raise ValueError(
                "LearningRateFinder sweeps the optimizer that a model is compiled "
                "with, and `train_step` must not apply others. Received: a "
                f"`train_step` that applies {names}"
            )
        parts = hyperparameters.parts(self.model.optimizer)
        for part in parts:
            check_drivable(part, RATE)
        check_alone(type(self).__name__, self.model, parts)
        for other in getattr(callbacks_of_fit(), "callbacks", ()):
            if isinstance(other, Scheduler) and RATE in other.names:
                raise ValueError(
                    "Only LearningRateFinder can set the learning rate. Received: "
                    f"LearningRateFinder and {type(other).__name__}. Leave one of "
                    "them out"
                )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._run is not None:
            self._run.loss.start_epoch()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        run = self._run
        if run is None or len(run.rates) >= self.steps:
            return
        trained = self._batches() - run.begins
        if trained // run.group <= len(run.rates) and not _is_broken(logs):
            return
        loss = run.loss.read(logs)
        if not math.isfinite(loss) or self._add(run, loss):
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        run, self._run = self._run, None
        rates, losses = ([], []) if run is None else (run.rates, run.losses)
        self.sweep = LearningRateSweep(
            rates, losses, self.smoothing, self.steps, self.rule
        )
        self._write()
        if self.sweep.suggestion is None:
            warnings.warn(
                "LearningRateFinder: too few points to suggest a learning rate; give "
                "`fit` more epochs, or start at a lower `min_rate`. "
                f"Received: {len(rates)} of steps={self.steps}",
                stacklevel=2,
            )

    def rate_at(self, point: Any) -> Any:
        """Returns the learning rate at a point of the sweep, counted from 0."""
        ops = keras.ops
        share = ops.clip(as_float(point) / (self.steps - 1), 0.0, 1.0)
        if self.mode == "linear":
            return self.min_rate * (1 - share) + self.max_rate * share
        low, high = math.log(self.min_rate), math.log(self.max_rate)
        return ops.exp(low * (1 - share) + high * share)

    def _plan(self, controller: HyperparameterController) -> None:
        run = self._run
        if run is None:
            return
        build_optimizer(self.model.optimizer, self.model.trainable_variables)
        snapshot = Snapshot(self.model)
        controller.at_end(snapshot.restore)
        run.begins = self._batches()
        parts = hyperparameters.parts(self.model.optimizer)
        controller.share_rates(parts)
        for part in parts:
            first = int(hyperparameters.number(part.iterations))
            each = part.gradient_accumulation_steps or 1
            curve = self._sweep_from(first, run.group // each)
            controller.drive(part, RATE, curve, owner=type(self).__name__)

    def _sweep_from(self, first: int, updates_per_point: int) -> Any:
        return lambda updates: self.rate_at(
            keras.ops.floor_divide(updates - first, updates_per_point)
        )

    def _add(self, run: _Run, loss: float) -> bool:
        """Adds a point; returns whether it was the last."""
        run.rates.append(float(self.rate_at(len(run.rates))))
        run.losses.append(loss)
        count = len(run.losses)
        run.average += (1 - self.smoothing) * (loss - run.average)
        smoothed = run.average / (1 - self.smoothing**count)
        run.best = min(run.best, smoothed)
        if self.stop_factor is None:
            return count >= self.steps
        limit = run.best + (self.stop_factor - 1) * abs(run.best)
        return count >= self.steps or smoothed > limit

    def _write(self) -> None:
        writer = open_run(self.log_dir, "learning_rate_finder")
        if writer is None or self.sweep is None:
            return
        points = zip(self.sweep.rates, self.sweep.losses, self.sweep.smoothed)
        for point, (rate, loss, smoothed) in enumerate(points):
            values = {"learning_rate": rate, "loss": loss, "smoothed_loss": smoothed}
            writer.scalars(
                point, {f"learning_rate_finder/{k}": v for k, v in values.items()}
            )
        writer.sweep(max(len(self.sweep.rates) - 1, 0), self.sweep.to_dict())
        writer.close()

    def _batches(self) -> int:
        return hyperparameters.batches_seen(self.model.optimizer)


def _is_broken(logs: Any) -> bool:
    """Returns whether the mean loss of the epoch is NaN or infinite already."""
    return not math.isfinite(float((logs or {}).get("loss", 0.0)))
