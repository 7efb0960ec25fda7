from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.planned_scheduler import LONGEST
from keras_extras.callbacks.planned_scheduler import PlannedScheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.warmup_stable_decay import WarmupStableDecay
from keras_extras.steering.controller import HyperparameterController


class WarmupStableDecayScheduler(PlannedScheduler):
    """Keeps the learning rate constant for most of the training, then lowers it to 0.

    The learning rate of the optimizer, a number or a schedule, is multiplied by
    `keras_extras.schedules.WarmupStableDecay` with a peak of 1, which has the formula.
    The schedule begins with the training, and continues where it was after a restart.
    Without `total_steps` it ends with the training, even if steps are lost: one that
    `LossScaleOptimizer` skips or `RecoverFromNaN` takes back moves it on like one that
    is trained. If the length of the training is not known, use `CooldownAtStop`.

    Args:
        total_steps: Integer, the optimizer step at which the rate is 0, or `None` for
            the length of the training, steps times epochs. Defaults to `None`.
        warmup_steps: Integer, number of steps in which the rate rises. Defaults to `0`.
        cooldown: Float between 0 and 1, the share of the steps in which the rate falls.
            Defaults to `0.2`.
        shape: `"1-sqrt"`, `"linear"` or `"cosine"`: how it falls. Defaults to
            `"1-sqrt"`.
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
            between warm-up and cooldown.

    Example:

    ```python
    stable = keras_extras.callbacks.WarmupStableDecayScheduler(warmup_steps=5)
    model.fit(x, y, epochs=10, callbacks=[stable])
    ```

    References:
        Hu et al. (2024), "MiniCPM: Unveiling the Potential of Small Language Models
        with Scalable Training Strategies", arXiv:2404.06395.
        Hägele et al. (2024), "Scaling Laws and Compute-Optimal Training Beyond Fixed
        Training Durations", arXiv:2405.18392.
    """

    role = SHAPES
    ends_at_zero = True

    def __init__(
        self,
        total_steps: int | None = None,
        warmup_steps: int = 0,
        cooldown: float = 0.2,
        shape: str = "1-sqrt",
        start: int | None = None,
        optimizer: Any = None,
    ) -> None:
        super().__init__(optimizer=optimizer)
        self.total_steps = self.check_length("total_steps", total_steps, start)
        self._shape = (warmup_steps, cooldown, shape)
        self.curve = WarmupStableDecay(1.0, total_steps or LONGEST, *self._shape)

    def check(self) -> None:
        super().check()
        self.curve = WarmupStableDecay(1.0, self.length(), *self._shape)

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        self.follow(controller, optimizer, RATE, self.curve)
