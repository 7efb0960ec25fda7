from __future__ import annotations

import math
import signal
import threading
from typing import Any

import keras

from keras_extras import checks
from keras_extras.callbacks.best_weights import BestWeights
from keras_extras.callbacks.check_pairs import COOLS
from keras_extras.callbacks.cooldown_run import CooldownRun
from keras_extras.callbacks.planned_scheduler import PlannedScheduler
from keras_extras.callbacks.state_beside_backup import StateBesideBackup
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.metric_direction import check_mode
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.schedules.warmup_stable_decay import SHAPES
from keras_extras.schedules.warmup_stable_decay import cool
from keras_extras.steering.controller import HyperparameterController
from keras_extras.warn_safely import warn_safely


class CooldownAtStop(PlannedScheduler):
    """Stops training early, after a cooldown in which the learning rate falls to zero.

    Use it instead of `EarlyStopping`, which ends a training at a high learning rate,
    before it has converged: much of the gain comes in the last part, in which the rate
    falls. The rate stays as it is until one of these, whichever comes first: no
    improvement of `monitor` for `patience` epochs, a time limit, a step limit, the end
    of the epochs of `fit`, or Ctrl-C. Then it falls to zero, in a share of `cooldown`
    of all steps, and the training ends with the weights of its best epoch.

    The learning rate is that of the optimizer, or of another callback such as a
    warm-up. With `BackupAndRestore` an interrupted training resumes in the phase that
    it had reached. If the length of the training is known and nothing ends it sooner,
    use `LinearToZeroScheduler` or `OneCycleScheduler`.

    The cooldown begins early enough to keep to a time limit, a step limit and the
    epochs of `fit`. If steps are lost, because `LossScaleOptimizer` skips or
    `RecoverFromNaN` takes back some, it is planned anew by the batches that are left;
    once it has begun, the rate moves on as if they had been trained. The time of the
    first step, which compiles, does not count towards the share of a time limit. When
    patience has run out at step s, or after Ctrl-C, it takes `s * cooldown / (1 -
    cooldown)` more steps, if there are as many. A second Ctrl-C, or one during the
    cooldown, ends the training at once.

    Args:
        monitor: String, name of the quantity to watch. Defaults to `"val_loss"`.
        patience: Integer, number of epochs without improvement before the cooldown
            begins, or `None` not to watch. Defaults to `5`.
        cooldown: Float between 0 and 1, the share of all steps in which the rate falls.
            Defaults to `0.2`.
        shape: `"1-sqrt"`, `"linear"` or `"cosine"`: the curve of the cooldown, see
            `keras_extras.schedules.WarmupStableDecay`. Defaults to `"1-sqrt"`.
        mode: `"min"` if lower is better, `"max"` if higher is better, or `"auto"` to
            infer it from the metric or its name. Defaults to `"auto"`.
        min_delta: Float, the least change that counts as improvement. Defaults to
            `0.0`.
        time_limit: Float, largest number of seconds of training, cooldown included, or
            `None` for no limit. Defaults to `None`.
        step_limit: Integer, largest number of optimizer steps, cooldown included, or
            `None` for no limit; with `steps_per_execution`, up to one execution more.
            Defaults to `None`.
        interrupt: Boolean. Whether the first Ctrl-C begins the cooldown. Defaults to
            `True`.
        restore_best_weights: Boolean. Whether to end with the weights of the epoch with
            the best value of `monitor`. Defaults to `True`.
        verbose: Integer. 1 prints a line when the cooldown begins, 0 nothing. Defaults
            to `1`.
        optimizer: String, name of the optimizer to schedule, or of the attribute of the
            model that holds it, such as `"d_optimizer"` of a GAN; or an optimizer; or a
            list of these. `None` means those that the training step applies: the one
            that the model was compiled with, or those that a custom `train_step` names.
            Defaults to `None`.

    Attributes:
        stopped_by: `"patience"`, `"time_limit"`, `"step_limit"`, `"epochs"` or
            `"interrupt"`: why the cooldown began; `None` before.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if `mode`
            is `"auto"` and it cannot be inferred whether higher values of `monitor` are
            better, or if `EarlyStopping` is used as well, or another `CooldownAtStop`,
            or a scheduler that ends at zero itself: `LinearToZeroScheduler`,
            `WarmupStableDecayScheduler` or `OneCycleScheduler`.

    Example:

    ```python
    stop = keras_extras.callbacks.CooldownAtStop("loss", patience=2)
    model.fit(x, y, epochs=20, verbose=0, callbacks=[stop])
    print(stop.stopped_by)
    ```

    References:
        Hägele et al. (2024), "Scaling Laws and Compute-Optimal Training Beyond Fixed
        Training Durations", arXiv:2405.18392.
    """

    role = COOLS

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int | None = 5,
        cooldown: float = 0.2,
        shape: str = "1-sqrt",
        mode: str = "auto",
        min_delta: float = 0.0,
        time_limit: float | None = None,
        step_limit: int | None = None,
        interrupt: bool = True,
        restore_best_weights: bool = True,
        verbose: int = 1,
        optimizer: Any = None,
    ) -> None:
        super().__init__(optimizer=optimizer)
        self.monitor = checks.check_text("monitor", monitor)
        self.patience = (
            None if patience is None else checks.check_count("patience", patience)
        )
        self.cooldown = checks.check_fraction("cooldown", cooldown)
        self.shape = checks.check_choice("shape", shape, SHAPES)
        self.mode = checks.check_choice("mode", mode, ("auto", "min", "max"))
        self.min_delta = checks.check_not_negative("min_delta", min_delta)
        self.time_limit = (
            None
            if time_limit is None
            else checks.check_positive("time_limit", time_limit)
        )
        self.step_limit = self.check_length("step_limit", step_limit, None)
        self.interrupt = checks.check_flag("interrupt", interrupt)
        self.restore_best_weights = checks.check_flag(
            "restore_best_weights", restore_best_weights
        )
        self.verbose = checks.check_choice("verbose", verbose, (0, 1))
        self.stopped_by: str | None = None
        self._run: CooldownRun | None = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_run": None}

    def check(self) -> None:
        super().check()
        self._run = CooldownRun()
        self.stopped_by = None
        if self.patience is not None or self.restore_best_weights:
            self._run.high_is_good = check_mode(self.model, self.monitor, self.mode)
        for other in getattr(callbacks_of_fit(), "callbacks", ()):
            if isinstance(other, keras.callbacks.EarlyStopping):
                raise ValueError(
                    "Only one callback can stop a training early. Received: "
                    "CooldownAtStop and EarlyStopping. Leave EarlyStopping out: it "
                    "would end the training before the learning rate has decayed"
                )

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        run = self._run
        if run is None:
            return
        if run.state is None:
            name = "cooldown_at_stop"
            run.state = StateBesideBackup(controller.callbacks(), name)
            if self.restore_best_weights:
                run.weights = BestWeights(run.state)
            self._hear_interrupts(controller)
        self.watch_recoveries(controller)
        begin, steps = run.begin, run.steps

        def factor(step: Any) -> Any:
            step = keras.ops.cast(step, "float32")
            left = (begin.tensor() + steps.tensor() - step) / steps.tensor()
            return cool(left, self.shape)

        controller.multiply(optimizer, RATE, factor, numbers=(begin, steps))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        is_first = not self._place_known
        super().on_epoch_begin(epoch, logs)
        run = self._run
        if run is None or not is_first:
            return
        began = run.load(epoch)
        if began is not None:
            self.begins = began
        self.stopped_by = run.reason
        run.last = int(run.end) * self._each()
        self.moved()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        run, place = self._run, self._place
        if run is None or place is None:
            return
        each = self._each()
        self.look_if_due(batch, run.end * each - place.count(batch))
        if run.reason is None:
            self._begin_if_due(run, batch)
        if (place.count(batch) + place.at_once) // each >= run.end:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        run = self._run
        if run is None:
            return
        value = (logs or {}).get(self.monitor)
        if value is not None:
            run.look_at_epoch(float(value), self.min_delta, self.model)
            waited = run.plateau.waited
            if self.patience is not None and waited >= self.patience:
                run.due = run.due or "patience"
        elif not run.warned and (self.patience or self.restore_best_weights):
            run.warned = True
            warn_safely(
                "CooldownAtStop: `monitor` must be one of what this training logs: "
                f"{', '.join(sorted(logs or {}))}. Received: monitor={self.monitor!r}",
                stacklevel=2,
            )
        run.save(epoch + 1, self.begins)

    def on_train_end(self, logs: Any = None) -> None:
        run, self._run = self._run, None
        if run is not None and run.weights is not None:
            run.weights.put_back(self.model)
        super().on_train_end(logs)

    def check_end(self) -> None:
        """Does nothing: this callback ends the training itself."""

    def moved(self) -> None:
        """Plans the cooldown by what is left, after steps may have been lost."""
        run, place = self._run, self._place
        if run is None or place is None:
            return
        each, ends = self._each(), {}
        if self.step_limit is not None:
            ends["step_limit"] = self.begins + self.step_limit
        if place.last is not None:
            ends["epochs"] = (place.last - place.lost) // each
        if run.reason is not None and run.reason not in ("step_limit", "epochs"):
            ends[run.reason] = (run.last - place.lost) // each
        if not ends:
            return
        run.planned = min(ends, key=lambda name: ends[name])
        end, steps = ends[run.planned], int(float(run.steps))
        if run.reason is None:
            left = max(end - place.count(place.batch) // each, 1)
            steps = min(max(round(self.cooldown * (end - self.begins)), 1), left)
        if (end - steps, steps) != (float(run.begin), float(run.steps)):
            run.cool_down(end - steps, steps)

    def _follows_place(self) -> bool:
        return True

    def _each(self) -> int:
        return hyperparameters.accumulation_steps(self._parts[0])

    def _begin_if_due(self, run: CooldownRun, batch: int) -> None:
        step, limit = self._step(batch), self.time_limit
        if limit is not None and run.clock.tick(step):
            self.look(batch)  # waits for the device
            run.clock.compiled(self._step(batch))
        reason = run.due
        if step >= float(run.begin):
            reason = "planned"
        elif reason is None and limit is not None:
            is_time = run.clock.is_time(limit, self.cooldown)
            reason = "time_limit" if is_time else None
        if reason is None:
            return
        self.look(batch)  # the plan may have been one of more steps
        step = self._step(batch)
        since = max(step - self.begins, 1)
        steps = math.ceil(since * self.cooldown / (1 - self.cooldown))
        if reason == "planned":
            if step < float(run.begin):
                return
            run.reason = run.planned
        else:
            run.reason = reason
            if reason == "time_limit" and limit is not None:
                steps = run.clock.steps_left(limit, since)
            run.cool_down(step, int(min(steps, run.end - step)))
        self.stopped_by = run.reason
        run.last = int(run.end) * self._each() + (
            self._place.lost if self._place else 0
        )
        if self.verbose:
            print(
                f"CooldownAtStop: step {step}: the learning rate falls to zero in "
                f"{int(run.end) - step} steps ({run.reason})"
            )

    def _step(self, batch: int) -> int:
        return 0 if self._place is None else self._place.count(batch) // self._each()

    def _hear_interrupts(self, controller: HyperparameterController) -> None:
        """Lets the first Ctrl-C begin the cooldown, in the thread that gets them."""
        if (
            not self.interrupt
            or threading.current_thread() is not threading.main_thread()
        ):
            return
        before, run = signal.getsignal(signal.SIGINT), self._run

        def interrupted(number: int, frame: Any) -> None:
            signal.signal(signal.SIGINT, before)
            if run is not None:
                run.due = "interrupt"
            print("CooldownAtStop: cooling down; Ctrl-C once more ends at once")

        if callable(before):
            signal.signal(signal.SIGINT, interrupted)
            controller.at_end(lambda: _put_back(interrupted, before))


def _put_back(ours: Any, before: Any) -> None:
    if signal.getsignal(signal.SIGINT) is ours:
        signal.signal(signal.SIGINT, before)
