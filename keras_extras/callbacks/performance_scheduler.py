from __future__ import annotations

import warnings
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import keras

from keras_extras import checks
from keras_extras.callbacks.best_weights import BestWeights
from keras_extras.callbacks.check_pairs import LOWERS
from keras_extras.callbacks.plateau import Plateau
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.callbacks.state_beside_backup import StateBesideBackup
from keras_extras.keras_internals.hyperparameters import number
from keras_extras.keras_internals.loss_tracker import LossTracker
from keras_extras.keras_internals.metric_direction import check_mode
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.rates import own_rate
from keras_extras.steering.controller import HyperparameterController
from keras_extras.steering.live_number import LiveNumber
from keras_extras.steering.values import present_value

_STATE_NAME = "performance_scheduler"


@dataclass
class _Run:
    """The state of one `fit`."""

    plateau: Plateau = field(default_factory=Plateau)
    multipliers: list[LiveNumber] = field(default_factory=list)  # one of each optimizer
    loss: LossTracker | None = None
    state: StateBesideBackup | None = None
    weights: BestWeights | None = None
    looked_at: int | None = None  # the last step at which the loss was looked at
    step: int = 0  # the count of steps when it was read last
    unread: int = 0  # batches since then
    batches_at_once: int = 1
    high_is_good: bool = False
    began: bool = False
    warned: bool = False


class PerformanceScheduler(Scheduler):
    """Lowers the learning rate when a metric has stopped improving.

    It does what `keras.callbacks.ReduceLROnPlateau` does, but also works if the
    learning rate is a schedule or is set by another callback: the factor multiplies its
    value. If epochs are long, it can check the training loss every `every` steps
    instead of the validation loss once per epoch. For a training of known length
    `OneCycleScheduler` usually ends sooner, with a better result.

    With `BackupAndRestore` a restarted training continues with the same factor and the
    same patience. After `load_model` a learning rate that is a number is the saved one;
    for a schedule pass the attribute `multiplier` to the new callback. The best value
    and the epochs since then are not saved with the model, so patience starts anew.

    Args:
        monitor: String, name of the quantity to watch. Defaults to `"val_loss"`.
        factor: Float between 0 and 1, by which the rate is multiplied. Defaults to
            `0.5`.
        patience: Integer, number of checks without improvement before the rate is
            lowered. Defaults to `5`.
        mode: `"min"` if lower is better, `"max"` if higher is better, or `"auto"` to
            infer it from the metric or its name. Defaults to `"auto"`.
        min_delta: Float, the least change that counts as improvement. Defaults to
            `0.0001`.
        cooldown: Integer, number of checks after a change in which patience is not
            counted. Defaults to `0`.
        min_rate: Float, lower bound on the learning rate. Defaults to `0.0`.
        every: `"epoch"`, or an integer: the number of optimizer steps between two
            checks of the mean training loss of the batches since; `monitor` is not
            used then. Defaults to `"epoch"`.
        multiplier: Float, initial factor of a schedule. Defaults to `1.0`.
        restore: Boolean. Whether to restore the original learning rate after
            training; if `False`, the last value is kept. Defaults to `True`.
        verbose: Integer. 1 prints a line for each change, 0 nothing. Defaults to
            `0`.
        optimizer: String, name of the optimizer to schedule, or of the attribute of the
            model that holds it, such as `"d_optimizer"` of a GAN; or an optimizer; or a
            list of these. `None` means those that the training step applies: the one
            that the model was compiled with, or those that a custom `train_step` names.
            Defaults to `None`.
        restore_best_weights: Boolean. Whether to restore the best weights whenever the
            rate is lowered, and at the end. Only weights are restored: the state of the
            optimizer and its count of steps stay. Defaults to `False`.

    Attributes:
        multiplier: Product of the factors that act on a schedule so far.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if the
            model has no optimizer, or `mode` is `"auto"` and it cannot be inferred
            whether higher values of `monitor` are better.

    Example:

    ```python
    plateau = keras_extras.callbacks.PerformanceScheduler(factor=0.5, patience=5)
    model.fit(x, y, epochs=20, validation_data=(x_test, y_test), callbacks=[plateau])
    ```
    """

    role = LOWERS

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.5,
        patience: int = 5,
        mode: str = "auto",
        min_delta: float = 0.0001,
        cooldown: int = 0,
        min_rate: float = 0.0,
        every: int | str = "epoch",
        multiplier: float = 1.0,
        restore: bool = True,
        verbose: int = 0,
        optimizer: Any = None,
        restore_best_weights: bool = False,
    ) -> None:
        super().__init__(restore, optimizer)
        self.monitor = checks.check_text("monitor", monitor)
        self.factor = checks.check_fraction("factor", factor)
        self.patience = checks.check_count("patience", patience)
        self.mode = checks.check_choice("mode", mode, ("auto", "min", "max"))
        self.min_delta = checks.check_not_negative("min_delta", min_delta)
        self.cooldown = checks.check_count("cooldown", cooldown, least=0)
        self.min_rate = checks.check_not_negative("min_rate", min_rate, most=1e4)
        self.multiplier = checks.check_rate("multiplier", multiplier)
        self.every = every
        if every != "epoch":
            checks.check_count("every", every)
            # Keras reads the logs of each batch back for who has this hook.
            self.on_train_batch_end = self._look_at_steps
        self.verbose = checks.check_verbose("verbose", verbose)
        self.restore_best_weights = checks.check_flag(
            "restore_best_weights", restore_best_weights
        )
        self._given_multiplier = self.multiplier
        self._run = _Run()

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_run": _Run()}

    def on_train_begin(self, logs: Any = None) -> None:
        self.multiplier = self._given_multiplier
        self._run = _Run()
        if self.every == "epoch":
            high = check_mode(self.model, self.monitor, self.mode)
        else:
            high = self.mode == "max"
        self._run.high_is_good = high
        super().on_train_begin(logs)
        if self.every != "epoch":
            self._run.loss = LossTracker(self.model)
            self._run.batches_at_once = self.model.steps_per_execution

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        multiplier = LiveNumber(self.multiplier)
        self._run.multipliers.append(multiplier)
        controller.multiply(optimizer, RATE, multiplier)
        rate = own_rate(optimizer)
        if isinstance(rate, keras.Variable):
            initial = number(rate)
            controller.at_end(lambda: rate.assign(initial))
        if self._run.state is None:
            state = StateBesideBackup(controller.callbacks(), _STATE_NAME)
            self._run.state = state
            if self.restore_best_weights:
                self._run.weights = BestWeights(state)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._run.loss is not None:
            self._run.loss.start_epoch()
        if not self._run.began:
            self._run.began = True
            self._load_state(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        if self.every == "epoch":
            value = (logs or {}).get(self.monitor)
            if value is not None:
                self._look(float(value), f"epoch {epoch + 1}")
            elif not self._run.warned:
                self._run.warned = True
                known = ", ".join(sorted(logs or {}))
                warnings.warn(
                    "PerformanceScheduler: `monitor` must be one of what this "
                    f"training logs: {known}. Received: monitor={self.monitor!r}",
                    stacklevel=2,
                )
        self._save_state(epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        if self._run.weights is not None:
            self._run.weights.put_back(self.model)
        super().on_train_end(logs)

    def _look_at_steps(self, batch: int, logs: Any = None) -> None:
        run = self._run
        if self._controller is None or run.loss is None:
            return
        run.unread += run.batches_at_once
        if run.looked_at is not None:
            at_most = run.step + run.unread
            if at_most - run.looked_at < int(self.every):
                return
        # JAX keeps the variables to itself during an epoch; to ask for the model
        # brings them back, and waits for the step.
        step = int(number(self._parts[0].iterations)) if self.model else 0
        run.step, run.unread = step, 0
        if run.looked_at is None:
            run.looked_at = step - step % int(self.every)
        if step - run.looked_at >= int(self.every):
            run.looked_at = step
            self._look(run.loss.read(logs), f"step {step}")

    def _look(self, value: float, when: str) -> None:
        plateau, best = self._run.plateau, self._run.plateau.best
        plateau.look(-value if self._run.high_is_good else value, self.min_delta)
        if self._run.weights is not None and plateau.best < best:
            self._run.weights.keep(self.model)
        if plateau.waited >= self.patience:
            self._lower(when)

    def _lower(self, when: str) -> None:
        self._run.plateau.start_over(self.cooldown)
        if self._run.weights is not None:
            self._run.weights.put_back(self.model)
        controller = self._controller
        if controller is None:
            return
        for part, multiplier in zip(self._parts, self._run.multipliers):
            rate = present_value(part, RATE)
            if rate <= self.min_rate:
                continue
            factor = max(self.factor, self.min_rate / rate)
            controller.replacing(part, RATE)
            if controller.follows_a_curve(part, RATE):
                multiplier.multiply(factor)
                self.multiplier = float(multiplier)
            else:  # in a variable that is saved with the optimizer
                own = own_rate(part)
                own.assign(own * factor)
            if self.verbose:
                print(
                    f"PerformanceScheduler: {when}: learning rate of {part.name} "
                    f"lowered from {rate:.4g} to {rate * factor:.4g}"
                )

    def _save_state(self, epoch: int) -> None:
        run = self._run
        if run.state is not None:
            multipliers = [float(m) for m in run.multipliers]
            run.state.save(epoch, {**vars(run.plateau), "multipliers": multipliers})

    def _load_state(self, epoch: int) -> None:
        run = self._run
        state = {} if run.state is None else run.state.load(epoch)
        if not state:
            return
        run.plateau = Plateau(state["best"], state["waited"], state["cooling"])
        if run.weights is not None:
            run.weights.load()
        for multiplier, value in zip(run.multipliers, state["multipliers"]):
            multiplier.assign(value)
            self.multiplier = value
