from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.inverse_square_root import InverseSquareRoot
from keras_extras.steering.controller import HyperparameterController


class InverseSquareRootScheduler(Scheduler):
    """Warms the learning rate up, then decays it with the square root of the step.

    The learning rate of the optimizer, a number or a schedule, is multiplied by
    `keras_extras.schedules.InverseSquareRoot` with a peak of 1, which has the formula.
    Step t is `optimizer.iterations`: a second `fit`, and a restarted one, continue
    where the last one ended. The rate never reaches zero: add `CooldownAtStop` for
    that, or use `LinearToZeroScheduler`.

    Args:
        warmup_steps: Integer, number of steps in which the rate rises, and the time
            scale on which it falls.
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
    decay = keras_extras.callbacks.InverseSquareRootScheduler(warmup_steps=10)
    model.fit(x, y, epochs=10, callbacks=[decay])
    ```

    References:
        Vaswani et al. (2017), "Attention Is All You Need", arXiv:1706.03762.
    """

    role = SHAPES

    def __init__(
        self, warmup_steps: int, restore: bool = True, optimizer: Any = None
    ) -> None:
        super().__init__(restore, optimizer)
        self.curve = InverseSquareRoot(1.0, warmup_steps)

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        controller.multiply(optimizer, RATE, self.curve)
