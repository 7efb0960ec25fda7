"""Callbacks that make a training run explain itself."""

from keras_extras.callbacks.activation_logger import ActivationLogger
from keras_extras.callbacks.gradient_logger import GradientLogger
from keras_extras.callbacks.hyperparameter_logger import HyperparameterLogger
from keras_extras.callbacks.training_diagnostics import TrainingDiagnostics

__all__ = [
    "ActivationLogger",
    "GradientLogger",
    "HyperparameterLogger",
    "TrainingDiagnostics",
]
