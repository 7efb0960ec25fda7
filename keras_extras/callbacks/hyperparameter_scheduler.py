from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras_extras.callbacks.check_pairs import SETS_ALONE
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.resume import last_epoch_begun
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.steering.checks import check_curve
from keras_extras.steering.checks import check_drivable
from keras_extras.steering.controller import HyperparameterController

_STEPS_IF_UNKNOWN = 10_000


class HyperparameterScheduler(Scheduler):
    """Schedules any numeric hyperparameter of the optimizer, step by step.

    Setting `optimizer.momentum` or `optimizer.weight_decay` during training has no
    effect in Keras 3: the number is a constant of the compiled step. This callback
    makes it a function of `optimizer.iterations` inside the step. For the learning rate
    and momentum of a 1cycle training use `OneCycleScheduler`.

    Args:
        name: String, name of the optimizer's attribute: `"momentum"`, `"beta_1"`,
            `"beta_2"`, `"weight_decay"`, `"rho"`, `"clipnorm"`, `"learning_rate"`
            and so on. It must be a number when training starts: if it is `None`, or a
            momentum of 0, the optimizer is compiled without it.
        curve: Function of the step: one of `keras_extras.schedules`, a Keras
            `LearningRateSchedule`, or any function that uses `keras.ops`.
        restore: Boolean. Whether to restore the original value after training; if
            `False`, the last value is kept. Defaults to `True`.
        optimizer: String, name of the optimizer to schedule, or of the attribute of the
            model that holds it, such as `"d_optimizer"` of a GAN; or an optimizer; or a
            list of these. `None` means those that the training step applies: the one
            that the model was compiled with, or those that a custom `train_step` names.
            Defaults to `None`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if no
            optimizer of the model has such a number, if another callback sets it, or if
            the curve gives NaN, infinity or an invalid value at some step.

    Example:

    ```python
    optimizer = keras.optimizers.AdamW(weight_decay=0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    decay = keras_extras.schedules.Interpolation([0, 1000], [0.0, 0.1])
    scheduler = keras_extras.callbacks.HyperparameterScheduler("weight_decay", decay)
    model.fit(x, y, callbacks=[scheduler])
    ```
    """

    role = SETS_ALONE

    def __init__(
        self,
        name: str,
        curve: Callable[[Any], Any],
        restore: bool = True,
        optimizer: Any = None,
    ) -> None:
        super().__init__(restore, optimizer)
        if not isinstance(name, str) or not name:
            raise ValueError(
                f"`name` must be the name of a hyperparameter. Received: name={name!r}"
            )
        if not callable(curve) or isinstance(curve, type):
            raise ValueError(
                "`curve` must be a function of the step, such as one of "
                f"`keras_extras.schedules`. Received: curve={curve!r}"
            )
        self.name = name
        self.names = (name,)
        self.curve = curve

    def check(self) -> None:
        if not any(self._has(part) for part in self._parts):
            check_drivable(self._parts[0], self.name)
            raise ValueError(
                f"`name` must be a hyperparameter that the optimizer makes use of. "
                f"Received: name={self.name!r}, with value 0.0: the optimizer was "
                "compiled without it"
            )
        if not self.restore:
            self._check_can_keep()

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        if self._has(optimizer):
            owner = type(self).__name__
            first = int(hyperparameters.number(optimizer.iterations))
            check_curve(owner, self.name, self.curve, first, self._steps(optimizer))
            controller.drive(optimizer, self.name, self.curve, owner)

    def driven_names(self, optimizer: Any) -> tuple[str, ...]:
        return self.names if self._has(optimizer) else ()

    def _steps(self, optimizer: Any) -> int:
        """Returns how many steps the training has, a guess where that is not known."""
        steps, epochs = self.params.get("steps"), self.params.get("epochs")
        if steps is None or epochs is None:
            return _STEPS_IF_UNKNOWN
        epochs = max(epochs - 1 - last_epoch_begun(callbacks_of_fit()), 1)
        return steps * epochs // hyperparameters.accumulation_steps(optimizer)

    def _has(self, optimizer: Any) -> bool:
        try:
            check_drivable(optimizer, self.name)
        except ValueError:
            return False
        # With a momentum of 0 an optimizer has made no slots for it.
        return self.name != "momentum" or vars(optimizer)["momentum"] != 0
