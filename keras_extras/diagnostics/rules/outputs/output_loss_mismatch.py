"""The rule: an output, its loss and its targets do not belong together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.batch_arrays import predictions_of
from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.loss_names import BINARY
from keras_extras.diagnostics.loss_names import CATEGORICAL
from keras_extras.diagnostics.loss_names import REGRESSION
from keras_extras.diagnostics.loss_names import SPARSE
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.rules.outputs.claim import Claim
from keras_extras.diagnostics.rules.outputs.classification import judge_binary
from keras_extras.diagnostics.rules.outputs.classification import judge_categorical
from keras_extras.diagnostics.rules.outputs.classification import judge_sparse
from keras_extras.diagnostics.rules.outputs.other_losses import judge_by_values
from keras_extras.diagnostics.rules.outputs.regression import judge_regression
from keras_extras.diagnostics.structure import Output
from keras_extras.records.finding import Finding

CODE = "output-loss-mismatch"


def output_loss_mismatch(observations: Observations) -> Iterator[Finding]:
    """The loss expects something else than the last layer returns, or the targets are.

    Judged by what is known: the activation function and the loss, and a few rows of
    targets and predictions. A loss of one's own is judged by values only.

    References:
        NeuraLint (Nikanjam et al., 2021); AUTOTRAINER (Zhang et al., 2021), "improper
        activation"; DeepDiagnosis (Wardat et al., 2022), "out of range".
    """
    batches = observations.batches
    for place, output in enumerate(observations.structure.outputs):
        targets = targets_of(batches, place)
        predictions = predictions_of(batches, place)
        if _counts_rows(observations, place):
            predictions = None
        if len(observations.structure.outputs) > 1:
            targets = None  # which of them belongs to which output is not known
        if targets is not None and not np.isfinite(targets).all():
            continue
        if targets is not None and batches[0].weighted and targets.min() < 0:
            targets = None  # -1 may stand for no label, with a weight of 0
        output = _as_the_loss_sees_it(output, observations, place)
        claim = _judge(output, targets, predictions, observations)
        if claim is not None:
            severity, confidence, evidence, remedy = claim
            yield whole(
                observations, CODE, severity, output.layer, evidence, remedy, confidence
            )


def _as_the_loss_sees_it(
    output: Output, observations: Observations, place: int
) -> Output:
    """Returns the output, with no layer where the loss was given something else.

    A training step of one's own may compare outputs with each other first, so that
    the loss sees their similarities.
    """
    batches = observations.batches
    shapes = {b.predictions[place].shape for b in batches if len(b.predictions) > place}
    sizes = {shape[-1] if shape else 1 for shape in shapes}
    if output.units is None or not sizes or sizes == {output.units}:
        return output
    (units,) = sizes if len(sizes) == 1 else (None,)
    return dataclasses.replace(output, units=units, activation=None, layer=None)


def _counts_rows(observations: Observations, place: int) -> bool:
    """Returns whether the last axis of what the loss sees varies: it is no class."""
    batches = observations.batches
    shapes = {b.predictions[place].shape for b in batches if len(b.predictions) > place}
    ends = {shape[-1:] for shape in shapes}
    return len(ends) > 1 or (None,) in ends


def _judge(
    output: Output,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    observations: Observations,
) -> Claim | None:
    units = output.units
    if predictions is not None and units is None:
        units = predictions.shape[1]
    if output.activation == "softmax" and units == 1 and _all_one(predictions):
        return (
            "error",
            0.98,
            "softmax over one unit is always 1, whatever the model computes",
            'End with `Dense(1, activation="sigmoid")` and `loss="binary_crossentropy"`'
            "; for a regression with `Dense(1)`.",
        )
    if output.loss in CATEGORICAL:
        return judge_categorical(output, units, targets, predictions, observations)
    if output.loss in SPARSE:
        return judge_sparse(output, units, targets, predictions, observations)
    if output.loss in BINARY:
        return judge_binary(output, units, targets, predictions, observations)
    if output.loss in REGRESSION:
        return judge_regression(output, units, targets, predictions, observations)
    return judge_by_values(output, targets, predictions, observations)


def _all_one(predictions: np.ndarray | None) -> bool:
    """Returns whether that may be so: softmax along another axis makes shares."""
    return predictions is None or bool(np.nanmin(predictions, initial=1.0) > 0.99)
