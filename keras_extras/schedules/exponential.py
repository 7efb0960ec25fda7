from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.curve import as_float


@keras.saving.register_keras_serializable(package="keras_extras")
class Exponential(Curve):
    """Decays exponentially, by the same factor in every `decay_steps` steps.

    The value at step t is `initial * decay_rate ** (t / decay_steps)`. It never reaches
    zero: for a training of known length `OneCycle` or `Cosine` is usually better.

    Args:
        initial: Float, the value at step 0.
        decay_steps: Number of steps, at least 1, in which the value is multiplied by
            `decay_rate`.
        decay_rate: Float above 0, at most 1: the factor. Defaults to `0.1`.
        staircase: Boolean. Whether the value stays the same for `decay_steps`
            steps, then falls at once. Defaults to `False`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    rate = keras_extras.schedules.Exponential(0.01, decay_steps=1000)
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    ```
    """

    def __init__(
        self,
        initial: float,
        decay_steps: float,
        decay_rate: float = 0.1,
        staircase: bool = False,
    ) -> None:
        self.initial = checks.check_rate("initial", initial)
        self.decay_steps = checks.check_steps("decay_steps", decay_steps)
        self.decay_rate = checks.check_decay("decay_rate", decay_rate)
        self.staircase = checks.check_flag("staircase", staircase)

    def __call__(self, step: Any) -> Any:
        times = as_float(step) / self.decay_steps
        if self.staircase:
            times = keras.ops.floor(times)
        return self.initial * keras.ops.power(self.decay_rate, times)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial": self.initial,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
        }
