from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SHAPES
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.inverse_square_root import InverseSquareRoot
from keras_extras.steering.controller import HyperparameterController


class InverseSquareRootScheduler(Scheduler):
    """Lets the rate rise in a warm-up, then fall with the square root of the step.

    The rate that the optimizer was compiled with, a number or a schedule, is multiplied
    by `keras_extras.schedules.InverseSquareRoot` with a peak of 1, which has the
    formula. Step t is `optimizer.iterations`: a second `fit`, and one after a restart,
    goes on where the last one was. The rate never gets to zero: `CooldownAtStop` beside
    it sees to that, or take `LinearToZeroScheduler`.

    Args:
        warmup_steps: Integer, the steps in which the rate rises, and the time scale on
            which it falls.
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
