"""Drop-in components for Keras 3 that make a training run explain itself."""

from keras_extras import callbacks as callbacks
from keras_extras import constraints as constraints
from keras_extras import diagnostics as diagnostics
from keras_extras import layers as layers
from keras_extras import schedules as schedules
from keras_extras import uncertainty as uncertainty
from keras_extras.finder.find import find_learning_rate as find_learning_rate


def __getattr__(name: str) -> str:
    if name == "__version__":  # reading it takes longer than importing the rest
        from importlib.metadata import version

        return version("keras-extras")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
