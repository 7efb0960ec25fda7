"""Drop-in components for Keras 3 that make a training run explain itself."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

# `python -m keras_extras.report` reads logs: it needs neither Keras nor a backend.
_is_report = sys.argv[:1] == ["-m"] and "keras_extras.report" in sys.orig_argv
if not _is_report:
    # Imported at once: Keras loads from a file only what is registered by then.
    try:
        from keras_extras import layers
        from keras_extras import optimizers
        from keras_extras import schedules
    except ModuleNotFoundError as error:
        if error.name not in ("tensorflow", "jax", "torch"):
            raise
        raise ImportError(
            f"The Keras backend is {error.name}, which is not installed. Run: "
            f"pip install {error.name}. Or set KERAS_BACKEND to a backend that is "
            "installed: tensorflow, jax or torch"
        ) from error

if TYPE_CHECKING:
    from keras_extras import callbacks
    from keras_extras import constraints
    from keras_extras import diagnostics
    from keras_extras import evaluation
    from keras_extras import uncertainty
    from keras_extras.dry_run.diagnose import diagnose
    from keras_extras.dry_run.find_learning_rate import find_learning_rate

__all__ = [
    "callbacks",
    "constraints",
    "diagnose",
    "diagnostics",
    "evaluation",
    "find_learning_rate",
    "layers",
    "optimizers",
    "schedules",
    "uncertainty",
]

# Not in `__all__`: it needs an extra, and to look through a module must not fail.
_OPTIONAL = ("tuner",)
_FUNCTIONS = {
    "diagnose": "keras_extras.dry_run.diagnose",
    "find_learning_rate": "keras_extras.dry_run.find_learning_rate",
}


def __getattr__(name: str) -> Any:
    """Imports on first use what would make the import slow for everyone."""
    if name in _FUNCTIONS:
        return getattr(import_module(_FUNCTIONS[name]), name)
    if name in __all__ or name in _OPTIONAL:
        return import_module(f"keras_extras.{name}")
    if name == "__version__":
        return import_module("importlib.metadata").version("keras-extras")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
