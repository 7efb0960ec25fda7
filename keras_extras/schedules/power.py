from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.curve import as_float


@keras.saving.register_keras_serializable(package="keras_extras")
class Power(Curve):
    """Decays by a power of the step: fast at first, then ever more slowly.

    The value at step t is `initial / (1 + t / decay_steps) ** power`; with a power
    of 1 it is half of `initial` after `decay_steps`, a third after twice as many.
    It does not get small within a usual training: for low values at the end use
    `Exponential` or `OneCycle`.

    Args:
        initial: Float, the value at step 0.
        decay_steps: Number of steps, the time scale.
        power: Float, the exponent, at most 100. Defaults to `1.0`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    rate = keras_extras.schedules.Power(0.01, decay_steps=10_000)
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    ```
    """

    def __init__(self, initial: float, decay_steps: float, power: float = 1.0) -> None:
        self.initial = checks.check_rate("initial", initial)
        self.decay_steps = checks.check_steps("decay_steps", decay_steps)
        self.power = checks.check_positive("power", power, most=100)

    def __call__(self, step: Any) -> Any:
        times = 1.0 + as_float(step) / self.decay_steps
        return self.initial / keras.ops.power(times, self.power)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial": self.initial,
            "decay_steps": self.decay_steps,
            "power": self.power,
        }
