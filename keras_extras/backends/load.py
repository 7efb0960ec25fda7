from __future__ import annotations

from functools import cache

import keras

from keras_extras.backends.contract import Backend


@cache
def load_backend() -> Backend:
    """Returns the backend module for the Keras backend in use.

    Raises:
        NotImplementedError: If keras_extras cannot inspect that backend yet.
    """
    name = keras.backend.backend()
    if name == "torch":
        from keras_extras.backends.torch.backend import TorchBackend

        return TorchBackend()
    if name == "jax":
        if getattr(keras.config, "is_nnx_enabled", bool)():
            raise NotImplementedError(
                "keras_extras does not monitor training with NNX. "
                "Received: keras.config.is_nnx_enabled()=True"
            )
        from keras_extras.backends.jax.backend import JaxBackend

        return JaxBackend()
    if name != "tensorflow":
        raise NotImplementedError(
            "keras_extras monitors training on the backends TensorFlow, JAX and torch. "
            f"Received: keras.backend.backend()={name!r}"
        )
    from keras_extras.backends.tensorflow.backend import TensorFlowBackend

    return TensorFlowBackend()
