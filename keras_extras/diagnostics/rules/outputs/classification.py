"""Judges outputs, losses and targets of classifiers."""

from __future__ import annotations

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import if_poor
from keras_extras.diagnostics.rules.common import unless_excellent
from keras_extras.diagnostics.rules.outputs.claim import Claim
from keras_extras.diagnostics.rules.outputs.probabilities import judge_probabilities
from keras_extras.diagnostics.rules.outputs.values import interval_of
from keras_extras.diagnostics.rules.outputs.values import is_fractional
from keras_extras.diagnostics.structure import Output


def judge_categorical(
    output: Output,
    units: int | None,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    observations: Observations,
) -> Claim | None:
    """Judges an output of `categorical_crossentropy` and its like."""
    remedy = (
        f'End with `Dense({units or "classes"}, activation="softmax")`, or with a '
        "linear layer and `keras.losses.CategoricalCrossentropy(from_logits=True)`."
    )
    if units == 1:
        return (
            "error",
            0.97,
            f"{output.loss} over one unit is 0 for whatever the model computes",
            'For two classes use `Dense(1, activation="sigmoid")` and '
            '`loss="binary_crossentropy"`.',
        )
    if targets is not None and (targets.min() < 0 or targets.sum(axis=1).max() > 1.5):
        several = _has_several(targets, units)
        # Rows may be weighted, by a reward for example; flags are no weights.
        failing = if_poor(observations, "error")
        return (
            "warning" if several and failing == "info" else failing,
            0.92 if several else 0.85,
            f"{output.loss} expects rows of shares that sum to 1; "
            + (
                f"{np.mean(targets.sum(axis=1) > 1.0):.0%} of the rows of targets have "
                "several labels, which softmax lets compete"
                if several
                else f"the targets lie in {interval_of(targets)} and sum to "
                f"{targets.sum(axis=1).max():.3g}"
            ),
            'For labels that do not exclude each other use `activation="sigmoid"` and '
            '`loss="binary_crossentropy"`; for numbers `loss="mse"`.',
        )
    return judge_probabilities(output, "softmax", predictions, observations, remedy)


def judge_sparse(
    output: Output,
    units: int | None,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    observations: Observations,
) -> Claim | None:
    """Judges an output of `sparse_categorical_crossentropy`."""
    remedy = (
        f'End with `Dense({units or "classes"}, activation="softmax")`, or with a '
        "linear layer and "
        "`keras.losses.SparseCategoricalCrossentropy(from_logits=True)`."
    )
    if units == 1:
        return (
            "error",
            0.97,
            f"{output.loss} needs a unit for each class, and there is one",
            'For two classes use `Dense(1, activation="sigmoid")` and '
            '`loss="binary_crossentropy"`, or two units and softmax.',
        )
    if targets is not None and output.ignored is not None:
        targets = targets[targets != output.ignored]
    if targets is not None and not targets.size:
        return None
    if targets is not None and units is not None and targets.max() >= units:
        return (
            "error",
            0.97,
            f"the largest label is {targets.max():.0f}, and there are units for 0 to "
            f"{units - 1}",
            f"Use {int(targets.max()) + 1} units, or labels that start at 0.",
        )
    if targets is not None and is_fractional(targets):
        return (
            "error",
            0.95,
            "the targets are no integers: they are cut off to class numbers",
            'For numbers use `Dense(1)` and `loss="mse"`.',
        )
    return judge_probabilities(output, "softmax", predictions, observations, remedy)


def judge_binary(
    output: Output,
    units: int | None,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    observations: Observations,
) -> Claim | None:
    """Judges an output of `binary_crossentropy` and its like."""
    remedy = (
        f'End with `Dense({units or 1}, activation="sigmoid")`, or with a linear layer '
        "and `keras.losses.BinaryCrossentropy(from_logits=True)`."
    )
    outside = targets is not None and (targets < -0.01) | (targets > 1.01)
    if targets is not None and np.mean(outside) > 0.01:
        several = targets.max() > 1.0 and not is_fractional(targets)
        return (
            "error",
            0.96,
            f"{output.loss} expects targets between 0 and 1; they lie in "
            f"{interval_of(targets)}",
            "For classes 0, 1, 2, ... end with a softmax unit for each and use "
            '`loss="sparse_categorical_crossentropy"`.'
            if several and targets.min() >= 0.0
            else "Map the labels to 0 and 1, `y = (y + 1) / 2`; for numbers use a "
            'linear last layer and `loss="mse"`.',
        )
    if output.activation == "softmax":
        exclusive = (
            targets is not None
            and targets.shape[1] == units
            and np.allclose(targets.sum(axis=1), 1.0)
        )
        if exclusive and (observations.outcome.is_good or units == 2):
            return None
        several = targets is not None and _has_several(targets, units)
        return (
            unless_excellent(observations) if several else if_poor(observations),
            0.85 if several else 0.75,
            f"{output.loss} judges each unit alone, softmax lets them compete",
            'Use `loss="categorical_crossentropy"` for classes that exclude each '
            'other, `activation="sigmoid"` for those that do not.',
        )
    return judge_probabilities(output, "sigmoid", predictions, observations, remedy)


def _has_several(targets: np.ndarray, units: int | None) -> bool:
    """Returns whether many rows of 0 and 1 have more than one 1, or none."""
    if targets.shape[1] != units or not np.isin(targets, (0.0, 1.0)).all():
        return False
    return bool(np.mean(targets.sum(axis=1) != 1.0) > 0.05)
