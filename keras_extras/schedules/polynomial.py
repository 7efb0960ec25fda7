from __future__ import annotations

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve


@keras.saving.register_keras_serializable(package="keras_extras")
class Polynomial(Curve, keras.optimizers.schedules.PolynomialDecay):
    """Decays along a polynomial, as `keras.optimizers.schedules.PolynomialDecay` does.

    It computes the same values as Keras' schedule, and can be plotted. If you need no
    plot, use Keras' own: files that hold it load without this package.

    Args:
        initial_learning_rate: Float, the value at step 0.
        decay_steps: Integer, the step at which the last value is reached.
        end_learning_rate: Float, the last value. Defaults to `0.0001`.
        power: Float, the exponent of the polynomial. Defaults to `1.0`.
        cycle: Boolean. Whether to start again beyond `decay_steps`. Defaults to
            `False`.
        name: String, the name of the schedule. Defaults to `"PolynomialDecay"`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    line = keras_extras.schedules.Polynomial(0.1, decay_steps=1000)
    line.plot(1000).show()
    ```
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        rate = checks.check_not_negative("initial_learning_rate", initial_learning_rate)
        checks.check_steps("decay_steps", decay_steps)
        checks.check_text("name", name)
        last = checks.check_not_negative("end_learning_rate", end_learning_rate)
        checks.check_positive("power", power)
        checks.check_flag("cycle", cycle)
        super().__init__(rate, decay_steps, last, power, cycle, name)
