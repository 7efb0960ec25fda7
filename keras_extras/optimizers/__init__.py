"""Optimizers that treat the layers of a model differently, and one mended."""

from keras_extras.optimizers.discriminative_learning_rates import (
    discriminative_learning_rates,
)
from keras_extras.optimizers.schedule_free_adamw import ScheduleFreeAdamW

__all__ = ["ScheduleFreeAdamW", "discriminative_learning_rates"]
