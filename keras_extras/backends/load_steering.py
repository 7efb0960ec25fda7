from __future__ import annotations

from functools import cache

import keras

from keras_extras.backends.steering_contract import Steering


@cache
def load_steering() -> Steering:
    """Returns what drives hyperparameters on the Keras backend in use.

    Raises:
        NotImplementedError: On a backend on which they cannot be driven.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        from keras_extras.backends.tensorflow.steering import TensorFlowSteering

        return TensorFlowSteering()
    if name == "jax":
        from keras_extras.backends.jax.steering import JaxSteering

        return JaxSteering()
    if name == "torch":
        from keras_extras.backends.torch.steering import TorchSteering

        return TorchSteering()
    raise NotImplementedError(
        "keras_extras drives hyperparameters on the backends TensorFlow, JAX and "
        f"torch. Received: keras.backend.backend()={name!r}"
    )
