"""Optimizers that treat the layers of a model differently, and one mended."""

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

from keras_extras.optimizers.schedule_free_adamw import ScheduleFreeAdamW

if TYPE_CHECKING:
    from keras_extras.optimizers.discriminative_learning_rates import (
        discriminative_learning_rates,
    )

__all__ = ["ScheduleFreeAdamW", "discriminative_learning_rates"]


def __getattr__(name: str) -> Any:
    """Imports on first use what no model needs that is loaded from a file."""
    if name == "discriminative_learning_rates":
        module = import_module(f"{__name__}.{name}")
        globals()[name] = module.discriminative_learning_rates  # not the module
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
