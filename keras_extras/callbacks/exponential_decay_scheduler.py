from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.exponential import Exponential
from keras_extras.steering.controller import HyperparameterController


class ExponentialDecayScheduler(Scheduler):
    """Decays the learning rate exponentially, on every batch.

    The rate at step t is that of the optimizer times
    `decay_rate ** (t / decay_steps)`, with t = `optimizer.iterations`, computed
    inside the training step. A second `fit`, and a restarted one, continue where the
    last one ended. If the optimizer has a schedule, its value is multiplied. To lower
    the rate once per epoch, Keras' `LearningRateScheduler` is enough.

    Args:
        decay_steps: Number of steps, at least 1, in which the rate falls by
            `decay_rate`.
        decay_rate: Float above 0, at most 1: the factor. Defaults to `0.1`.
        staircase: Boolean. Whether the rate stays the same for `decay_steps`
            steps, then falls at once. Defaults to `False`.
        restore: Boolean. Whether to restore the original learning rate after
            training; if `False`, the last value is kept. Defaults to `True`.
        optimizer: String, name of the optimizer to schedule, or of the attribute of the
            model that holds it, such as `"d_optimizer"` of a GAN; or an optimizer; or a
            list of these. `None` means those that the training step applies: the one
            that the model was compiled with, or those that a custom `train_step` names.
            Defaults to `None`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if
            the model has no optimizer.

    Example:

    ```python
    decay = keras_extras.callbacks.ExponentialDecayScheduler(decay_steps=1000)
    model.fit(x, y, epochs=10, callbacks=[decay])
    ```
    """

    role = SHAPES

    def __init__(
        self,
        decay_steps: float,
        decay_rate: float = 0.1,
        staircase: bool = False,
        restore: bool = True,
        optimizer: Any = None,
    ) -> None:
        super().__init__(restore, optimizer)
        self.curve = Exponential(1.0, decay_steps, decay_rate, staircase)

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        controller.multiply(optimizer, RATE, self.curve)
