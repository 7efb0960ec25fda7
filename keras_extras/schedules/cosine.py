from __future__ import annotations

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve


@keras.saving.register_keras_serializable(package="keras_extras")
class Cosine(Curve, keras.optimizers.schedules.CosineDecay):
    """Decays along half a cosine, as `keras.optimizers.schedules.CosineDecay` does.

    It computes the same values as Keras' schedule, and can be plotted. If you need no
    plot, use Keras' own: files that hold it load without this package.

    Args:
        initial_learning_rate: Float, the value at step 0.
        decay_steps: Integer, number of steps in which the value falls.
        alpha: Float, the last value as a share of the first. Defaults to `0.0`.
        name: String, the name of the schedule. Defaults to `"CosineDecay"`.
        warmup_target: Float, the value to rise to before it falls, or `None` not to
            rise. Defaults to `None`.
        warmup_steps: Integer, number of steps in which it rises. Defaults to `0`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    wave = keras_extras.schedules.Cosine(0.1, decay_steps=1000)
    wave.plot(1000).show()
    ```

    References:
        Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm
        Restarts", arXiv:1608.03983.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        rate = checks.check_not_negative("initial_learning_rate", initial_learning_rate)
        checks.check_steps("decay_steps", decay_steps)
        checks.check_text("name", name)
        checks.check_not_negative("alpha", alpha)
        checks.check_not_negative("warmup_steps", warmup_steps)
        if warmup_target is not None:
            checks.check_not_negative("warmup_target", warmup_target)
        super().__init__(rate, decay_steps, alpha, name, warmup_target, warmup_steps)
