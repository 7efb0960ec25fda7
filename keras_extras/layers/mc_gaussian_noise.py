from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_extras")
class MCGaussianNoise(keras.layers.GaussianNoise):
    """Applies `GaussianNoise` in inference as well as in training.

    Use it to build a network that draws a sample with each prediction: the spread of
    repeated predictions shows how uncertain the network is.
    Noise on the inputs tells how much the prediction depends on small changes of
    them; it is no approximation of a posterior over the weights.

    The layer is on in `evaluate` too, so validation losses become noisy and a little
    worse, and `EarlyStopping` or `ModelCheckpoint` choose by a noisy value. To avoid
    that, train with `keras.layers.GaussianNoise` and use
    `keras_extras.uncertainty.mc_predict`, which switches it on for the prediction
    only; `keras_extras.uncertainty.to_mc` converts a trained model.

    Args:
        stddev: Float, 0 to 1. Standard deviation of the noise.
        seed: Integer, or `None` for a random one. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        inputs: Tensor of any rank.
        training: Ignored: the layer does the same in training and in inference.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If `stddev` is not between 0 and 1.

    Example:

    ```python
    layer = keras_extras.layers.MCGaussianNoise(0.2, seed=0)
    layer(keras.ops.ones((2, 8)))  # another noise at each call
    ```

    References:
        Bishop (1995), "Training with noise is equivalent to Tikhonov
        regularization".
    """

    def call(self, inputs: Any, training: Any = None) -> Any:
        return super().call(inputs, training=True)
