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
    if name != "tensorflow":
        raise NotImplementedError(
            "keras_extras monitors training on the TensorFlow backend only, for "
            f"now. Received: keras.backend.backend()={name!r}"
        )
    from keras_extras.backends.tensorflow.backend import TensorFlowBackend

    return TensorFlowBackend()
