"""Finds a learning rate: the range test, and the rules that read a rate from it."""

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

from keras_extras.finder.sweep import LearningRateSweep

if TYPE_CHECKING:
    from keras_extras.dry_run.find_learning_rate import find_learning_rate

__all__ = ["LearningRateSweep", "find_learning_rate"]


def __getattr__(name: str) -> Any:
    """Imports on first use what stands above this package: it trains."""
    if name == "find_learning_rate":
        return getattr(import_module("keras_extras.dry_run.find_learning_rate"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
