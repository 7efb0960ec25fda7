from __future__ import annotations

from keras_extras.callbacks.monitor import Monitor
from keras_extras.inspection import measures as m
from keras_extras.inspection.sampling import Interval
from keras_extras.log_dir import LogDir


class HyperparameterLogger(Monitor):
    """Records learning rate, momentum, weight decay and loss scale at every step.

    Keras' own `TensorBoard` callback writes the learning rate once per epoch. This
    callback reads the values that act on each step, including those of a schedule, of
    the steps inside one execution with `steps_per_execution`, and of optimizers inside
    `LossScaleOptimizer` and `MultiOptimizer`.

    `history` holds one `(steps,)` array for each of `learning_rate` and, where the
    optimizer has them, `momentum` (of SGD and RMSprop; `beta_1` for the others),
    `beta_1`, `weight_decay` and `loss_scale`. With a `MultiOptimizer` the values of
    each optimizer are items such as `history["learning_rate/1_adam"]`.

    Args:
        log_dir: Path of the directory to write TensorBoard summaries to, or a
            `keras.callbacks.TensorBoard` whose directory is used, or `None` to write
            nothing. Defaults to `None`.
        every: Integer, number of steps between samples, or `"auto"`. Defaults to
            `1`.
        history_size: Integer >= 100, largest number of steps that `history` keeps, or
            `None` for all. When it is reached, about every second step is dropped; the
            first, the last, the extremes and those with NaN or infinity are kept.
            Defaults to `10000`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if
            the model has no optimizer or `log_dir` cannot be written to.

    Example:

    ```python
    hyperparameters = keras_extras.callbacks.HyperparameterLogger()
    model.fit(x, y, epochs=5, callbacks=[hyperparameters])
    print(hyperparameters.history.learning_rate[-1])
    ```
    """

    kinds = ("hyperparameter",)
    measures = frozenset({m.HYPERPARAMETERS})

    def __init__(
        self,
        log_dir: LogDir = None,
        every: Interval = 1,
        history_size: int | None = 10_000,
    ) -> None:
        super().__init__(log_dir, every, layers=None, history_size=history_size)
