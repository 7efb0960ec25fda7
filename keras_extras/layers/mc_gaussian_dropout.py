from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_extras")
class MCGaussianDropout(keras.layers.GaussianDropout):
    """Applies `GaussianDropout` in inference as well as in training.

    Use it to build a network that draws a sample with each prediction: the spread of
    repeated predictions shows how uncertain the network is.
    Each unit is multiplied by noise of mean 1 and standard deviation
    `sqrt(rate / (1 - rate))`.

    The layer is on in `evaluate` too, so validation losses become noisy and a little
    worse, and `EarlyStopping` or `ModelCheckpoint` choose by a noisy value. To avoid
    that, train with `keras.layers.GaussianDropout` and use
    `keras_extras.uncertainty.mc_predict`, which switches it on for the prediction
    only; `keras_extras.uncertainty.to_mc` converts a trained model.

    Args:
        rate: Float, 0 to 1. Drop rate of the `Dropout` that has the same variance.
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
        ValueError: If `rate` is not between 0 and 1.

    Example:

    ```python
    layer = keras_extras.layers.MCGaussianDropout(0.2, seed=0)
    layer(keras.ops.ones((2, 8)))  # another noise at each call
    ```

    References:
        Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks
        from overfitting", section 10.
        Gal & Ghahramani (2016), "Dropout as a Bayesian approximation: representing
        model uncertainty in deep learning".
    """

    def call(self, inputs: Any, training: Any = None) -> Any:
        return super().call(inputs, training=True)
