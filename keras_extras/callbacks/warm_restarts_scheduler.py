from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.warm_restarts import WarmRestarts
from keras_extras.steering.controller import HyperparameterController


class WarmRestartsScheduler(Scheduler):
    """Decays the learning rate along half a cosine, with warm restarts (SGDR).

    The learning rate of the optimizer, a number or a schedule, is multiplied by
    `keras_extras.schedules.WarmRestarts` with a peak of 1, which has the formula. Step
    t is `optimizer.iterations`: a second `fit`, and a restarted one, continue where the
    last one ended. For a training of known length `OneCycleScheduler` or
    `LinearToZeroScheduler` is usually better.

    Args:
        first_steps: Integer, the length of the first cycle in optimizer steps.
        t_mul: Float from 1 to 100, factor from the length of one cycle to that of the
            next. Defaults to `2.0`.
        m_mul: Float above 0, at most 1, factor from the highest rate of one cycle to
            that of the next. Defaults to `1.0`.
        last: Float from 0 to 1, the rate at the end of each cycle, as a share of the
            optimizer's. Defaults to `0.0`.
        warmup_steps: Integer, number of warm-up steps before the first cycle. Defaults
            to `0`.
        restore: Boolean. Whether to restore the original learning rate after
            training; if `False`, the last value is kept. Defaults to `True`.
        optimizer: String, name of the optimizer to schedule, or of the attribute of the
            model that holds it, such as `"d_optimizer"` of a GAN; or an optimizer; or a
            list of these. `None` means those that the training step applies: the one
            that the model was compiled with, or those that a custom `train_step` names.
            Defaults to `None`.

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
