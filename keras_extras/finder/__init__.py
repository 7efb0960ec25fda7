"""Finds a learning rate: the sweep, what it tells, and how nothing is left of it."""

from keras_extras.finder.find import find_learning_rate
from keras_extras.finder.sweep import LearningRateSweep

__all__ = ["LearningRateSweep", "find_learning_rate"]
