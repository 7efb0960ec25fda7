"""Callbacks that make a training run explain itself, and schedule it."""

from keras_extras.callbacks.activation_logger import ActivationLogger
from keras_extras.callbacks.cooldown_at_stop import CooldownAtStop
from keras_extras.callbacks.exponential_decay_scheduler import ExponentialDecayScheduler
from keras_extras.callbacks.freeze_unfreeze import FreezeUnfreeze
from keras_extras.callbacks.gradient_logger import GradientLogger
from keras_extras.callbacks.hyperparameter_logger import HyperparameterLogger
from keras_extras.callbacks.hyperparameter_scheduler import HyperparameterScheduler
from keras_extras.callbacks.inference_mode_evaluation import InferenceModeEvaluation
from keras_extras.callbacks.inverse_square_root_scheduler import (
    InverseSquareRootScheduler,
)
from keras_extras.callbacks.learning_rate_finder import LearningRateFinder
from keras_extras.callbacks.linear_to_zero_scheduler import LinearToZeroScheduler
from keras_extras.callbacks.one_cycle_scheduler import OneCycleScheduler
from keras_extras.callbacks.performance_scheduler import PerformanceScheduler
from keras_extras.callbacks.piecewise_constant_scheduler import (
    PiecewiseConstantScheduler,
)
from keras_extras.callbacks.power_scheduler import PowerScheduler
from keras_extras.callbacks.recover_from_nan import RecoverFromNaN
from keras_extras.callbacks.schedule_free_evaluation import ScheduleFreeEvaluation
from keras_extras.callbacks.training_diagnostics import TrainingDiagnostics
from keras_extras.callbacks.warm_restarts_scheduler import WarmRestartsScheduler
from keras_extras.callbacks.warmup_stable_decay_scheduler import (
    WarmupStableDecayScheduler,
)

__all__ = [
    "ActivationLogger",
    "CooldownAtStop",
    "ExponentialDecayScheduler",
    "FreezeUnfreeze",
    "GradientLogger",
    "HyperparameterLogger",
    "HyperparameterScheduler",
    "InferenceModeEvaluation",
    "InverseSquareRootScheduler",
    "LearningRateFinder",
    "LinearToZeroScheduler",
    "OneCycleScheduler",
    "PerformanceScheduler",
    "PiecewiseConstantScheduler",
    "PowerScheduler",
    "RecoverFromNaN",
    "ScheduleFreeEvaluation",
    "TrainingDiagnostics",
    "WarmRestartsScheduler",
    "WarmupStableDecayScheduler",
]
