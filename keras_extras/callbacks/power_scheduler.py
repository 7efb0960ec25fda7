from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.power import Power
from keras_extras.steering.controller import HyperparameterController


class PowerScheduler(Scheduler):
    """Decays the learning rate by a power of the step, on every batch.

    The rate at step t is that of the optimizer divided by `(1 + t / decay_steps) **
    power`, with t = `optimizer.iterations`, computed inside the training step: fast at
    first, then ever more slowly. A second `fit`, and a restarted one, continue where
    the last one ended. The rate does not get small within a usual training: for low
    rates at the end use `OneCycleScheduler`.

    Args:
        decay_steps: Number of steps, the time scale: with a power of 1 the rate has
            halved after this number of steps.
        power: Float, the exponent. Defaults to `1.0`.
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
