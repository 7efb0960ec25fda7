from __future__ import annotations

from functools import cache

import keras

from keras_extras.uncertainty.sampler import Sampler


@cache
def load_sampler() -> type[Sampler]:
    """Returns the class that draws samples on the Keras backend in use.

    Raises:
        NotImplementedError: If there is none for that backend.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        from keras_extras.uncertainty.tensorflow.sampler import TensorFlowSampler

        return TensorFlowSampler
    if name == "jax":
        from keras_extras.uncertainty.jax.sampler import JaxSampler

        return JaxSampler
    if name == "torch":
        from keras_extras.uncertainty.torch.sampler import TorchSampler

        return TorchSampler
    raise NotImplementedError(
        "Monte-Carlo dropout works on the TensorFlow, JAX and torch backends only. "
        f"Received: keras.backend.backend()={name!r}"
    )
