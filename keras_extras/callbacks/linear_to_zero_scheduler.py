from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.planned_scheduler import LONGEST
from keras_extras.callbacks.planned_scheduler import PlannedScheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.linear_to_zero import LinearToZero
from keras_extras.steering.controller import HyperparameterController


class LinearToZeroScheduler(PlannedScheduler):
    """Lets the learning rate rise in a short warm-up, then fall on a line to zero.

    The rate that the optimizer was compiled with, a number or a schedule, is multiplied
    by `keras_extras.schedules.LinearToZero` with a peak of 1, which has the formula. So
    the rates of a `MultiOptimizer` keep their proportions. It begins where the training
    does, and goes on where it was after a restart. Without `total_steps` it ends with
    the training, also where steps are lost: one that `LossScaleOptimizer` skips, or
    `RecoverFromNaN` takes back, moves it on like one that is trained. Not for a
    training that `EarlyStopping` ends: `CooldownAtStop` comes to zero whenever it ends.

    Args:
        total_steps: Integer, the optimizer step at which the rate is 0, or `None` for
            the length of the training, steps times epochs. Defaults to `None`.
        warmup_steps: Integer, the steps in which the rate rises. Defaults to `0`.
        start: Integer, value of `optimizer.iterations` at which the schedule begins, or
            `None` to find out. Defaults to `None`.
        optimizer: String, the optimizer to drive by its own name, or by that of the
            attribute of the model that holds it, such as `"d_optimizer"` of a GAN; or
            an optimizer; or a list of these. `None` for those that the training step
            applies: the one that the model was compiled with, or what a `train_step` of
            its own names. Defaults to `None`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if its
            length is not known and `total_steps` is `None`, or if the warm-up leaves
            no step after it.

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
