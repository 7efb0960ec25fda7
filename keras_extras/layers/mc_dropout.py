from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_extras")
class MCDropout(keras.layers.Dropout):
    """Applies `Dropout` in inference as well as in training.

    Use it to build a network that draws a sample with each prediction: the spread of
    repeated predictions shows how uncertain the network is.

    The layer is on in `evaluate` too, so validation losses become noisy and a little
    worse, and `EarlyStopping` or `ModelCheckpoint` choose by a noisy value. To avoid
    that, train with `keras.layers.Dropout` and use
    `keras_extras.uncertainty.mc_predict`, which switches it on for the prediction
    only; `keras_extras.uncertainty.to_mc` converts a trained model.

    Args:
        rate: Float, 0 to 1. Share of the units to drop.
        noise_shape: Tuple of integers or `None`, shape of the mask; 1 where the mask
            is the same along an axis, `None` where it has the size of the input.
            Defaults to `None`, a mask of the shape of the input.
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
    layer = keras_extras.layers.MCDropout(0.2, seed=0)
    layer(keras.ops.ones((2, 8)))  # another mask at each call
    ```

    References:
        Gal & Ghahramani (2016), "Dropout as a Bayesian approximation: representing
        model uncertainty in deep learning".
    """

    def call(self, inputs: Any, training: Any = None) -> Any:
        return super().call(inputs, training=True)
