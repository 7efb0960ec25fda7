"""Optimizers that treat the layers of a model differently."""

from keras_extras.optimizers.discriminative_learning_rates import (
    discriminative_learning_rates,
)

__all__ = ["discriminative_learning_rates"]
