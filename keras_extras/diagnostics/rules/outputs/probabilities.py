"""Judges a last activation whose loss wants probabilities."""

from __future__ import annotations

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import if_poor
from keras_extras.diagnostics.rules.common import unless_excellent
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.outputs.claim import Claim
from keras_extras.diagnostics.rules.outputs.values import RANGES
from keras_extras.diagnostics.rules.outputs.values import UNBOUNDED
from keras_extras.diagnostics.structure import Output


def judge_probabilities(
    output: Output,
    right: str,
    predictions: np.ndarray | None,
    observations: Observations,
    remedy: str,
) -> Claim | None:
    """Judges a last activation whose loss wants probabilities, or logits.

    What the model returned has the last word: a mean of probabilities is one too,
    although the layer that takes it has no activation function.
    """
    activation = output.activation
    # A function of one's own may be right, whatever its name.
    if activation == right or activation not in (*RANGES, *UNBOUNDED):
        return None
    if output.from_logits:
        if activation in ("linear", "sigmoid", "softmax"):
            return None
        evidence = f"the loss takes logits, and {activation} cuts a part of them off"
        severity = (
            unless_good(observations, "error")
            if activation == "relu"
            else if_poor(observations)
        )
        return (severity, 0.9, evidence, remedy)
    if predictions is not None and _are_probabilities(predictions, right):
        return None
    evidence = (
        f"{output.loss} expects probabilities as {right} returns them; the last "
        f"activation is {activation}"
    )
    if activation in ("sigmoid", "softmax"):
        return (if_poor(observations), 0.8, evidence, remedy)
    alone = len(observations.structure.outputs) == 1
    if alone and predictions is not None and _leaves_unit(predictions, right):
        return (
            "warning" if observations.outcome.is_good else "error",
            0.95,
            evidence,
            remedy,
        )
    severity = (
        "error" if not observations.outcome.is_good else unless_excellent(observations)
    )
    return (severity, 0.93, evidence, remedy)


def _leaves_unit(predictions: np.ndarray, right: str) -> bool:
    """Returns whether some predictions cannot be probabilities: the loss cuts them off.

    Where they exclude each other, Keras divides them by their sum first, and large
    ones are no fault.
    """
    finite = predictions[np.isfinite(predictions).all(axis=1)]
    outside = finite < -1e-2
    if right != "softmax":
        outside |= finite > 1.01
    return bool(len(finite) and np.mean(outside) > 0.02)


def _are_probabilities(predictions: np.ndarray, right: str) -> bool:
    finite = predictions[np.isfinite(predictions).all(axis=1)]
    if not len(finite):
        return False
    if np.mean((finite < -1e-3) | (finite > 1.0 + 1e-3)) > 0.001:
        return False
    if right != "softmax":
        return True
    sums = finite.sum(axis=1)
    return bool(np.mean(np.abs(sums - 1.0) < 0.05) > 0.9 and finite.shape[1] > 1)
