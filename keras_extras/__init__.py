"""Drop-in components for Keras 3 that make a training run explain itself."""

from importlib.metadata import version as _version

from keras_extras import callbacks as callbacks
from keras_extras import diagnostics as diagnostics

__version__ = _version("keras-extras")
