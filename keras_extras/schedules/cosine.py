from __future__ import annotations

import keras

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

    Example:

    ```python
    wave = keras_extras.schedules.Cosine(0.1, decay_steps=1000)
    wave.plot(1000).show()
    ```

    References:
        Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm
        Restarts", arXiv:1608.03983.
    """
