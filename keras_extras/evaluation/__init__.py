"""Examines a network before its training, and how much more data would help."""

from keras_extras.diagnostics.condition import Condition
from keras_extras.evaluation.activation_profile import ActivationProfile
from keras_extras.evaluation.activation_profile import activation_profile
from keras_extras.evaluation.check_self_normalizing import check_self_normalizing
from keras_extras.evaluation.learning_curve import learning_curve
from keras_extras.evaluation.learning_curve_result import LearningCurve
from keras_extras.evaluation.self_normalizing_check import SelfNormalizingCheck

__all__ = [
    "ActivationProfile",
    "Condition",
    "LearningCurve",
    "SelfNormalizingCheck",
    "activation_profile",
    "check_self_normalizing",
    "learning_curve",
]
