from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_extras")
class MCSpatialDropout1D(keras.layers.SpatialDropout1D):
    """Applies `SpatialDropout1D` in inference as well as in training.

    Use it to build a network that draws a sample with each prediction: the spread of
    repeated predictions shows how uncertain the network is.
    It drops whole channels, which suits convolutions: their neighbouring outputs
    are alike, so that dropping single ones takes little away.

    The layer is on in `evaluate` too, so validation losses become noisy and a little
    worse, and `EarlyStopping` or `ModelCheckpoint` choose by a noisy value. To avoid
    that, train with `keras.layers.SpatialDropout1D` and use
    `keras_extras.uncertainty.mc_predict`, which switches it on for the prediction
    only; `keras_extras.uncertainty.to_mc` converts a trained model.

    Args:
        rate: Float, 0 to 1. Share of the channels to drop.
        seed: Integer, or `None` for a random one. Defaults to `None`.
        name: String, or `None` for a name that Keras makes. Defaults to `None`.
        dtype: Data type or policy, or `None` for the default. Defaults to `None`.

    Call arguments:
        inputs: Tensor of rank 3.
        training: Ignored: the layer does the same in training and in inference.

    Input shape:
        `(samples, steps, channels)`

    Output shape:
        Same as the input.

    Raises:
        ValueError: If `rate` is not between 0 and 1.

    Example:

    ```python
    layer = keras_extras.layers.MCSpatialDropout1D(0.2, seed=0)
    layer(keras.ops.ones((2, 5, 8)))  # another mask at each call
    ```

    References:
        Tompson et al. (2015), "Efficient object localization using convolutional
        networks".
        Gal & Ghahramani (2016), "Dropout as a Bayesian approximation: representing
        model uncertainty in deep learning".
    """

    def call(self, inputs: Any, training: Any = None) -> Any:
        return super().call(inputs, training=True)
