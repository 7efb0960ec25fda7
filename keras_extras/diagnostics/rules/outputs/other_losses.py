"""Judges an output whose loss is none of the known kinds, by values alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_extras.diagnostics.batch_arrays import predictions_of
from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.loss_names import CUSTOM
from keras_extras.diagnostics.loss_names import takes_logarithms
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.outputs.claim import Claim
from keras_extras.diagnostics.rules.outputs.values import is_fractional
from keras_extras.diagnostics.rules.outputs.values import out_of_reach
from keras_extras.diagnostics.structure import Output
from keras_extras.records.batch_rows import BatchRows


def judge_by_values(
    output: Output,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    observations: Observations,
) -> Claim | None:
    """Judges by values alone, and only what goes badly."""
    if targets is None or predictions is None or targets.shape != predictions.shape:
        return None
    if output.loss == CUSTOM and _runs_away(targets, observations):
        return (
            "warning",
            0.75,
            "the loss falls, and the predictions move away from the targets: they miss "
            "them by more than a constant would",
            'Try a loss of Keras, such as `loss="mse"`; the least value of this one is '
            "not where predictions equal targets.",
        )
    if not observations.outcome.is_poor and output.loss != "poisson":
        return None
    outside = out_of_reach(output, targets, predictions)
    if outside is not None:
        share, interval = outside
        return (
            "error",
            0.85,
            f"{share:.0%} of the targets lie outside of {interval}, all that "
            f"{output.activation} can return",
            "End with a linear layer, or scale the targets into that range.",
        )
    shares = targets.min() >= 0.0 and targets.max() <= 1.0
    if (
        shares
        and observations.outcome.is_poor
        and takes_logarithms(output)
        and not _agrees(observations.recent or observations.early)
        and output.activation in ("linear", "relu", "tanh")
    ):
        beyond = np.mean((predictions < 0.0) | (predictions > 1.0))
        if beyond > 0.2:
            return (
                "warning",
                0.7,
                f"{beyond:.0%} of the predictions lie outside of [0, 1], where all "
                "targets are: a loss that takes a logarithm of them fails",
                'End with `activation="sigmoid"` or `"softmax"`, or use a loss that '
                "takes logits, `from_logits=True`.",
            )
    return None


def _runs_away(targets: np.ndarray, observations: Observations) -> bool:
    """Returns whether a falling loss makes predictions of quantities worse."""
    early, late = (
        _error(batches) for batches in (observations.early[:3], observations.recent)
    )
    if not is_fractional(targets) or not observations.outcome.skill > 0.2:
        return False
    # Predictions of a logarithm, say, are off from the start, and logits go along.
    away = late > 2.0 * np.var(targets) and late > 2.0 * early
    return bool(away) and not _agrees(observations.recent)


def _agrees(batches: Sequence[BatchRows]) -> bool:
    """Returns whether predictions rise and fall with the targets, on whatever scale."""
    predictions, targets = predictions_of(batches), targets_of(batches)
    if predictions is None or targets is None or predictions.shape != targets.shape:
        return False
    return bool(abs(np.corrcoef(predictions.ravel(), targets.ravel())[0, 1]) > 0.3)


def _error(batches: Sequence[BatchRows]) -> float:
    """Returns the mean squared difference of predictions and targets."""
    predictions, targets = predictions_of(batches), targets_of(batches)
    if predictions is None or targets is None or predictions.shape != targets.shape:
        return np.nan
    return float(np.mean((predictions - targets) ** 2))
