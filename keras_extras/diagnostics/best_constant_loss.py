"""Tells what a training's loss is to be compared with, for those who only show it."""

from __future__ import annotations

import warnings

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.reference_loss import constant_prediction


def best_constant_loss(observations: Observations) -> float:
    """Returns the loss of the best constant prediction; NaN where it is not known."""
    batches = list(observations.batches)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return float(constant_prediction(observations.structure, batches)[0])
    except Exception:  # the rule that needs it has said so
        return float("nan")
