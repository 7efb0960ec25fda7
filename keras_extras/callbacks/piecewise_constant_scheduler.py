from __future__ import annotations

from typing import Any

from keras_extras.callbacks.check_pairs import SETS
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.piecewise_constant import PiecewiseConstant
from keras_extras.steering.controller import HyperparameterController


class PiecewiseConstantScheduler(Scheduler):
    """Changes the learning rate in steps, at given boundaries.

    The rate takes its next value when `optimizer.iterations` reaches a boundary, inside
    the training step. The rate that the model was compiled with is not used. To lower
    the rate depending on how training goes, use `PerformanceScheduler`.

    Args:
        boundaries: List of the steps at which the rate changes, increasing.
        values: List of learning rates > 0, one more than `boundaries`.
        restore: Boolean. Whether to restore the original learning rate after
            training; if `False`, the last value is kept. Defaults to `True`.
        optimizer: String, name of the optimizer to schedule, or of the attribute of the
            model that holds it, such as `"d_optimizer"` of a GAN; or an optimizer; or a
            list of these. `None` means those that the training step applies: the one
            that the model was compiled with, or those that a custom `train_step` names.
            Defaults to `None`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if
            the model has no optimizer, or another callback sets the rate.

    Example:

    ```python
    steps = keras_extras.callbacks.PiecewiseConstantScheduler(
        boundaries=[5000, 15_000], values=[0.01, 0.005, 0.001]
    )
    model.fit(x, y, epochs=10, callbacks=[steps])
    ```
    """

    role = SETS

    def __init__(
        self,
        boundaries: list[float],
        values: list[float],
        restore: bool = True,
        optimizer: Any = None,
    ) -> None:
        super().__init__(restore, optimizer)
        self.curve = PiecewiseConstant(boundaries, values)
        if not 0 < min(self.curve.constants) <= max(self.curve.constants) <= 1e4:
            raise ValueError(
                "`values` must be learning rates, numbers > 0 and <= 10000. "
                f"Received: values={values!r}"
            )

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        controller.drive(optimizer, RATE, self.curve, owner=type(self).__name__)
