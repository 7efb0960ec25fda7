"""Judges outputs, losses and targets of regressions."""

from __future__ import annotations

import numpy as np

from keras_extras.diagnostics.loss_names import PERCENTAGE
from keras_extras.diagnostics.neighbours import reconstructs
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import if_poor
from keras_extras.diagnostics.rules.common import unless_excellent
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.outputs.claim import Claim
from keras_extras.diagnostics.rules.outputs.values import interval_of
from keras_extras.diagnostics.rules.outputs.values import is_fractional
from keras_extras.diagnostics.rules.outputs.values import out_of_reach
from keras_extras.diagnostics.structure import Output

_ACCURACIES = ("accuracy", "acc", "binary_accuracy", "categorical_accuracy")


def judge_regression(
    output: Output,
    units: int | None,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    observations: Observations,
) -> Claim | None:
    """Judges an output of a loss that measures distances."""
    if targets is None:
        return None
    if units is not None and units > 1 and targets.shape[1] == 1:
        return (
            if_poor(observations, "error"),
            0.85,
            f"the model returns {units} numbers for each target, which are all "
            "compared with the same one",
            'For classes use `loss="sparse_categorical_crossentropy"`; for one number '
            "end with `Dense(1)`.",
        )
    if output.loss == PERCENTAGE and np.mean(np.abs(targets) < 1e-7) > 0.01:
        return (
            "error",
            0.9,
            f"{output.loss} divides by the targets, and "
            f"{np.mean(np.abs(targets) < 1e-7):.0%} of them are 0",
            'Use `loss="mae"`, or `loss="binary_crossentropy"` for classes 0 and 1.',
        )
    outside = out_of_reach(output, targets, predictions)
    if outside is not None:
        share, interval = outside
        return (
            "warning" if observations.outcome.is_good else "error",
            0.92,
            f"{share:.0%} of the targets lie outside of {interval}, all that "
            f"{output.activation} can return; they span {interval_of(targets)}",
            "End with a linear layer, "
            f"`Dense({units or 1})`, or scale the targets into that range.",
        )
    return _classes_as_numbers(output, targets, observations)


def _classes_as_numbers(
    output: Output, targets: np.ndarray, observations: Observations
) -> Claim | None:
    names = {name.removeprefix("val_") for name in output.metrics}
    one_hot = (
        targets.shape[1] > 1
        and np.isin(targets, (0.0, 1.0)).all()
        and np.allclose(targets.sum(axis=1), 1.0)
    )
    if one_hot and reconstructs(observations):
        return None
    if one_hot:
        least_squares = output.activation in (None, "linear")
        return (
            if_poor(observations) if least_squares else unless_excellent(observations),
            0.75,
            f"the targets are one-hot rows of {targets.shape[1]} classes, and the loss "
            f"is {output.loss}, whose gradient fades where the model is wrong",
            f'End with `Dense({targets.shape[1]}, activation="softmax")` and use '
            '`loss="categorical_crossentropy"`.',
        )
    kinds = len(np.unique(targets))
    whole_numbers = not is_fractional(targets) and kinds <= 20 and targets.shape[1] == 1
    if whole_numbers and names & set(_ACCURACIES):
        two = kinds == 2
        bounded = two and output.activation == "sigmoid"
        return (
            unless_good(observations),
            0.6 if bounded else 0.75,
            f"the targets are {kinds} classes, and the loss is {output.loss}, which "
            "takes them for quantities",
            'End with `Dense(1, activation="sigmoid")` and use '
            '`loss="binary_crossentropy"`.'
            if two
            else f'End with `Dense({kinds}, activation="softmax")` and use '
            '`loss="sparse_categorical_crossentropy"`.',
        )
    return None
