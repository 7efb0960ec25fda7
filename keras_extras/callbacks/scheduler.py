"""Holds what the callbacks that drive hyperparameters have in common."""

from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.callbacks.check_pairs import check_pair
from keras_extras.keras_internals.applied_optimizers import has_plain_step
from keras_extras.keras_internals.callback_state import state_of
from keras_extras.keras_internals.hyperparameters import batches_seen
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.rates import rate_in_place
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.steering.checks import check_alone
from keras_extras.steering.checks import check_backend
from keras_extras.steering.checks import check_drivable
from keras_extras.steering.controller import HyperparameterController
from keras_extras.steering.targets import check_optimizer
from keras_extras.steering.targets import chosen_optimizers
from keras_extras.steering.targets import parts_of
from keras_extras.warn_safely import warn_safely

_MOMENTUM_NAMES = ("momentum", "beta_1", "adam_beta_1")


class Scheduler(keras.callbacks.Callback):
    """Drives hyperparameters inside the training step.

    Subclasses say what to drive in `plan`. Nothing is examined before training
    starts, so a callback can be copied until then.

    Attributes:
        names: What it drives.
        role: What it does to the learning rate, one of those in `check_pairs`, or
            `""` for what goes with everything.
        ends_at_zero: Whether its own curve ends at zero, or close to it.
    """

    names: tuple[str, ...] = (RATE,)
    role = ""
    ends_at_zero = False

    def __init__(self, restore: bool = True, optimizer: Any = None) -> None:
        super().__init__()
        self.restore = checks.check_flag("restore", restore)
        self.optimizer = check_optimizer(optimizer)
        self._controller: HyperparameterController | None = None
        self._parts: list[Any] = []  # the optimizers that do the work
        self._idle: dict[int, int] = {}  # what those count that may not be applied

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what belongs to a training that is going on."""
        return state_of(self, _controller=None, _parts=[], _idle={})

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        """Names what to drive of one optimizer, after all callbacks have begun."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises an error if this training cannot be driven."""
        for part in self._parts:
            for name in self.names:
                check_drivable(part, name)
        if not self.restore:
            self._check_can_keep()

    def on_train_begin(self, logs: Any = None) -> None:
        check_backend()
        self._parts = parts_of(chosen_optimizers(self.model, self.optimizer))
        own_step = not has_plain_step(self.model)
        self._idle = {id(p): batches_seen(p) for p in self._parts if own_step}
        if RATE in self.names:
            check_alone(type(self).__name__, self.model, self._parts)
        self._check_pairs()
        self.check()
        self._controller = HyperparameterController.join(self.model, self._plan_all)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None and self._controller is not None:
            log_hyperparameters(self._controller, self._parts, logs)
        self._warn_of_idle()

    def on_train_end(self, logs: Any = None) -> None:
        if self._controller is None:
            return
        if not self.restore:
            for part in self._parts:
                for name in self.driven_names(part):
                    self._controller.keep(part, name)
        self._controller, self._parts = None, []

    def driven_names(self, optimizer: Any) -> tuple[str, ...]:
        """Returns the names of what this callback drives of one optimizer."""
        return self.names

    def _plan_all(self, controller: HyperparameterController) -> None:
        controller.share_rates(self._parts)
        for part in self._parts:
            self.plan(controller, part)

    def _check_pairs(self) -> None:
        """Raises an error if others of the `fit` act on the same rates, and clash."""
        seen = False
        for other in getattr(callbacks_of_fit(), "callbacks", ()):
            if other is self:
                if seen:
                    check_pair(self, self)
                seen = True
            elif isinstance(other, Scheduler) and RATE in self.names and other.role:
                parts = parts_of(chosen_optimizers(self.model, other.optimizer))
                mine = [id(part) for part in self._parts]
                if RATE in other.names and any(id(part) in mine for part in parts):
                    check_pair(self, other)

    def _warn_of_idle(self) -> None:
        """Says after an epoch which optimizers the training step did not apply."""
        idle = [p.name for p in self._parts if self._idle.get(id(p)) == batches_seen(p)]
        self._idle = {}
        if idle:
            warn_safely(
                f"{type(self).__name__} schedules an optimizer that `train_step` has "
                "not applied in this epoch; choose the right one with `optimizer=`. "
                f"Received: optimizer={self.optimizer!r}, idle: {', '.join(idle)}",
                stacklevel=3,
            )

    def _check_can_keep(self) -> None:
        for part in self._parts:
            rate = rate_in_place(part)
            if RATE in self.names and not isinstance(rate, keras.Variable):
                raise ValueError(
                    "`restore=False` needs an optimizer whose learning rate is a "
                    "number, which can be left at another. "
                    f"Received: restore=False, learning_rate={rate!r}"
                )


def momentum_names(optimizer: Any) -> tuple[str, ...]:
    """Returns the attributes that hold a momentum which the optimizer makes use of.

    A schedule-free optimizer has none in this sense: what it stores was computed
    with the `beta_1` of the step before and is taken apart with that of the next.
    """
    if type(optimizer).__name__ == "ScheduleFreeAdamW":
        return ()
    held = {name: vars(optimizer).get(name) for name in _MOMENTUM_NAMES}
    # `float.__gt__`: what is driven already compares as what it replaces.
    return tuple(n for n, v in held.items() if isinstance(v, float) and v > 0)


def log_hyperparameters(
    controller: HyperparameterController, parts: list[Any], logs: dict[str, Any]
) -> None:
    """Adds the rate and momentum of the last step of an epoch to its logs."""
    several = len(parts) > 1 or controller.drives_several()
    for part in parts:
        suffix = f"_{part.name}" if several else ""
        logs[f"learning_rate{suffix}"] = controller.value_of_last_step(part, RATE)
        for name in momentum_names(part)[:1]:
            logs[f"momentum{suffix}"] = controller.value_of_last_step(part, name)
