"""Drop-in components for Keras 3 that make a training run explain itself."""

from typing import TYPE_CHECKING
from typing import Any

from keras_extras import callbacks as callbacks
from keras_extras import constraints as constraints
from keras_extras import diagnostics as diagnostics
from keras_extras import layers as layers
from keras_extras import schedules as schedules
from keras_extras.finder.find import find_learning_rate as find_learning_rate

if TYPE_CHECKING:
    from keras_extras import uncertainty as uncertainty


def __getattr__(name: str) -> Any:
    """Imports what would make the import of the package slow for everyone."""
    if name == "uncertainty":
        from importlib import import_module

        return import_module("keras_extras.uncertainty")
    if name == "__version__":
        from importlib.metadata import version

        return version("keras-extras")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
