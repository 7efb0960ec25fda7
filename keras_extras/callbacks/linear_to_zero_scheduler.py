from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.planned_scheduler import LONGEST
from keras_extras.callbacks.planned_scheduler import PlannedScheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.linear_to_zero import LinearToZero
from keras_extras.steering.controller import HyperparameterController


class LinearToZeroScheduler(PlannedScheduler):
    """Warms the learning rate up, then decays it linearly to zero.

    The learning rate of the optimizer, a number or a schedule, is multiplied by
    `keras_extras.schedules.LinearToZero` with a peak of 1, which has the formula. So
    the rates of a `MultiOptimizer` keep their proportions. The schedule begins with the
    training, and continues where it was after a restart. Without `total_steps` it ends
    with the training, even if steps are lost: one that `LossScaleOptimizer` skips or
    `RecoverFromNaN` takes back moves it on like one that is trained. Do not use it with
    `EarlyStopping`: `CooldownAtStop` reaches zero whenever training ends.

    Args:
        total_steps: Integer, the optimizer step at which the rate is 0, or `None` for
            the length of the training, steps times epochs. Defaults to `None`.
        warmup_steps: Integer, number of steps in which the rate rises. Defaults to `0`.
        start: Integer, value of `optimizer.iterations` at which the schedule begins, or
            `None` for the start of the training. Defaults to `None`.
        optimizer: String, name of the optimizer to schedule, or of the attribute of the
            model that holds it, such as `"d_optimizer"` of a GAN; or an optimizer; or a
            list of these. `None` means those that the training step applies: the one
            that the model was compiled with, or those that a custom `train_step` names.
            Defaults to `None`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if its
            length is not known and `total_steps` is `None`, or if no steps are left
            after the warm-up.

    Example:

    ```python
    line = keras_extras.callbacks.LinearToZeroScheduler(warmup_steps=5)
    model.fit(x, y, epochs=10, callbacks=[line])
    ```

    References:
        Bergsma et al. (2025), "Straight to Zero: Why Linearly Decaying the Learning
        Rate to Zero Works Best for LLMs", arXiv:2502.15938.
    """

    role = SHAPES
    ends_at_zero = True

    def __init__(
        self,
        total_steps: int | None = None,
        warmup_steps: int = 0,
        start: int | None = None,
        optimizer: Any = None,
    ) -> None:
        super().__init__(optimizer=optimizer)
        self.total_steps = self.check_length("total_steps", total_steps, start)
        self.warmup_steps = warmup_steps
        longest = total_steps or LONGEST
        self.curve = LinearToZero(1.0, longest, warmup_steps)

    def check(self) -> None:
        super().check()
        self.curve = LinearToZero(1.0, self.length(), self.warmup_steps)

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        self.follow(controller, optimizer, RATE, self.curve)
