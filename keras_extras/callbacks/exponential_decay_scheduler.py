from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.exponential import Exponential
from keras_extras.steering.controller import HyperparameterController


class ExponentialDecayScheduler(Scheduler):
    """Lowers the learning rate a little on every batch.

    The rate at step t is that of the optimizer times
    `decay_rate ** (t / decay_steps)`, with t = `optimizer.iterations`, computed
    inside the training step. A second `fit`, and one after a restart, goes on where
    the last one was. Where the optimizer has a schedule, it is that which decays.
    For a rate that falls once per epoch, Keras' `LearningRateScheduler` will do.

    Args:
        decay_steps: Number of steps, at least 1, in which the rate falls by
            `decay_rate`.
        decay_rate: Float above 0, at most 1: the factor. Defaults to `0.1`.
        staircase: Boolean. Whether the rate stays the same for `decay_steps`
            steps, then falls at once. Defaults to `False`.
        restore: Boolean. Whether to put the rate back at the end rather than to
            leave it at its last value. Defaults to `True`.
        optimizer: String, the optimizer to drive by its own name, or by that of the
            attribute of the model that holds it, such as `"d_optimizer"` of a GAN; or
            an optimizer; or a list of these. `None` for those that the training step
            applies: the one that the model was compiled with, or what a `train_step` of
            its own names. Defaults to `None`.

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
