from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.warm_restarts import WarmRestarts
from keras_extras.steering.controller import HyperparameterController


class WarmRestartsScheduler(Scheduler):
    """Lets the learning rate fall along half a cosine again and again.

    The rate that the optimizer was compiled with, a number or a schedule, is multiplied
    by `keras_extras.schedules.WarmRestarts` with a peak of 1, which has the formula.
    Step t is `optimizer.iterations`: a second `fit`, and one after a restart, goes on
    where the last one was. For one known length `OneCycleScheduler` or
    `LinearToZeroScheduler` does better.

    Args:
        first_steps: Integer, the length of the first cycle in optimizer steps.
        t_mul: Float from 1 to 100, how many times as long the next cycle is. Defaults
            to `2.0`.
        m_mul: Float above 0, at most 1: how high the next cycle begins. Defaults to
            `1.0`.
        last: Float from 0 to 1, what each cycle falls to, as a share of the rate.
            Defaults to `0.0`.
        warmup_steps: Integer, the steps before the first cycle. Defaults to `0`.
        restore: Boolean. Whether to put the rate back at the end rather than to
            leave it at its last value. Defaults to `True`.
        optimizer: String, the optimizer to drive by its own name, or by that of the
            attribute of the model that holds it, such as `"d_optimizer"` of a GAN; or
            an optimizer; or a list of these. `None` for those that the training step
            applies: the one that the model was compiled with, or what a `train_step` of
            its own names. Defaults to `None`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if the
            model has no optimizer.

    Example:

    ```python
    restarts = keras_extras.callbacks.WarmRestartsScheduler(first_steps=20)
    model.fit(x, y, epochs=10, callbacks=[restarts])
    ```

    References:
        Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm
        Restarts", arXiv:1608.03983.
    """

    role = SHAPES

    def __init__(
        self,
        first_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        last: float = 0.0,
        warmup_steps: int = 0,
        restore: bool = True,
        optimizer: Any = None,
    ) -> None:
        super().__init__(restore, optimizer)
        self.curve = WarmRestarts(1.0, first_steps, t_mul, m_mul, last, warmup_steps)

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        controller.multiply(optimizer, RATE, self.curve)
