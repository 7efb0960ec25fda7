"""Measures how sure a model is: Monte-Carlo dropout, calibration."""

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

from keras_extras.uncertainty.calibration_error import expected_calibration_error
from keras_extras.uncertainty.calibration_error import maximum_calibration_error
from keras_extras.uncertainty.interval_coverage import interval_coverage
from keras_extras.uncertainty.mc_dropout import mc_dropout
from keras_extras.uncertainty.mc_predict import mc_predict
from keras_extras.uncertainty.mc_prediction import MCPrediction
from keras_extras.uncertainty.plots import plot_rejection
from keras_extras.uncertainty.plots import plot_reliability
from keras_extras.uncertainty.plots import plot_samples
from keras_extras.uncertainty.rejection_curve import RejectionCurve
from keras_extras.uncertainty.rejection_curve import accuracy_rejection_curve
from keras_extras.uncertainty.reliability_curve import ReliabilityCurve
from keras_extras.uncertainty.reliability_curve import reliability_curve
from keras_extras.uncertainty.scores import brier_score
from keras_extras.uncertainty.scores import negative_log_likelihood
from keras_extras.uncertainty.to_mc import to_mc

if TYPE_CHECKING:
    from keras_extras.callbacks.uncertainty_logger import UncertaintyLogger

__all__ = [
    "MCPrediction",
    "RejectionCurve",
    "ReliabilityCurve",
    "UncertaintyLogger",
    "accuracy_rejection_curve",
    "brier_score",
    "expected_calibration_error",
    "interval_coverage",
    "maximum_calibration_error",
    "mc_dropout",
    "mc_predict",
    "negative_log_likelihood",
    "plot_rejection",
    "plot_reliability",
    "plot_samples",
    "reliability_curve",
    "to_mc",
]


def __getattr__(name: str) -> Any:
    """Imports on first use the callback, which stands above this package."""
    if name == "UncertaintyLogger":
        return getattr(import_module("keras_extras.callbacks.uncertainty_logger"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
