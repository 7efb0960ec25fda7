from __future__ import annotations

import keras

from keras_extras.keras_internals.running_fit import data_being_read

# Adapters of Keras whose data Python code may make in a thread of its own.
_WITH_THREADS = ("PyDatasetAdapter", "TFDatasetAdapter", "GrainDatasetAdapter")
# TensorFlow reads these in such a thread as well, the other backends do not.
_WITH_THREADS_OF_TENSORFLOW = ("GeneratorDataAdapter", "TorchDataLoaderAdapter")


def data_may_draw() -> bool:
    """Returns whether the data of the running `fit` may draw random numbers just now.

    Their augmentation may use the generators of the process, NumPy's and Python's, in a
    thread beside this one. To put such a generator back to where it was would then make
    the data draw the same numbers again.
    """
    adapter = type(getattr(data_being_read(), "data_adapter", None)).__name__
    of_tensorflow = keras.backend.backend() == "tensorflow"
    return adapter in _WITH_THREADS or (
        of_tensorflow and adapter in _WITH_THREADS_OF_TENSORFLOW
    )
