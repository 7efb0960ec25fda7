"""Judges observations: what is wrong, where, since when, what to do."""

from keras_extras.diagnostics.diagnosis import Diagnosis
from keras_extras.diagnostics.failed_training_error import FailedTrainingError
from keras_extras.diagnostics.repaired_model import RepairedModel
from keras_extras.records.finding import Finding
from keras_extras.records.repair import Repair

__all__ = [
    "Diagnosis",
    "FailedTrainingError",
    "Finding",
    "Repair",
    "RepairedModel",
]
