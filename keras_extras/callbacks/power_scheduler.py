from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.power import Power
from keras_extras.steering.controller import HyperparameterController


class PowerScheduler(Scheduler):
    """Lowers the learning rate on every batch, fast at first, then ever more slowly.

    The rate at step t is that of the optimizer divided by
    `(1 + t / decay_steps) ** power`, with t = `optimizer.iterations`, computed
    inside the training step. A second `fit`, and one after a restart, goes on where
    the last one was. The rate never gets small within a usual training: where the
    last steps are to settle, take `OneCycleScheduler`.

    Args:
        decay_steps: Number of steps, the time scale: with a power of 1 the rate is
            half of what it was after so many.
        power: Float, the exponent. Defaults to `1.0`.
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
    decay = keras_extras.callbacks.PowerScheduler(decay_steps=10_000)
    model.fit(x, y, epochs=10, callbacks=[decay])
    ```
    """

    role = SHAPES

    def __init__(
        self,
        decay_steps: float,
        power: float = 1.0,
        restore: bool = True,
        optimizer: Any = None,
    ) -> None:
        super().__init__(restore, optimizer)
        self.curve = Power(1.0, decay_steps, power)

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        controller.multiply(optimizer, RATE, self.curve)
