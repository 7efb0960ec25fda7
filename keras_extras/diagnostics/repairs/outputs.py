"""Repairs of the last layer and the loss, by what the targets are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from keras_extras.diagnostics import loss_names
from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repairs.scales import target_scale
from keras_extras.diagnostics.rules.outputs.values import is_fractional
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Output
from keras_extras.records.finding import Finding
from keras_extras.records.repair import Repair

_ACCURACIES = ("accuracy", "acc", "binary_accuracy", "categorical_accuracy")
_MOST_CLASSES = 20  # that numbers stand for, unless the loss says that they do
_LARGE = 30.0  # targets for which a model has a long way to go


class _Head(NamedTuple):
    """A last layer and its loss; `None` leaves what is there."""

    units: int | None
    activation: str | None
    loss: str | None


def match_output(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Gives a model the last layer and the loss that suit its targets."""
    structure = observations.structure
    outputs = structure.outputs
    place = next((n for n, o in enumerate(outputs) if o.layer == finding.layer), None)
    spec = structure.layer(finding.layer)
    if place is None or spec is None:
        return None
    output, alone = outputs[place], len(outputs) == 1
    targets = targets_of(observations.batches, place) if alone else None
    if targets is not None and not np.isfinite(targets).all():
        targets = None
    head = _head(output, targets, observations)
    if head is None:
        return Repair("data")
    change = _changed(spec, output, head)
    value: dict[str, Any] = {}
    if change:
        value["layers"] = {spec.name: change}
    if head.loss is not None and alone and head.loss != output.loss:
        value["loss"] = head.loss
    elif output.from_logits and head.activation not in (None, "linear") and alone:
        value["loss"] = head.loss or output.loss
    if not value:
        return None
    if head.activation == "linear" and targets is not None and _size(targets) > _LARGE:
        value.update(target_scale(targets))
    return Repair("output", spec.name, value)


def _size(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _head(
    output: Output, targets: np.ndarray | None, observations: Observations
) -> _Head | None:
    """Returns what suits the targets, `None` where the targets have to change."""
    if targets is None:
        return _Head(None, _activation_for(output), None)
    if targets.shape[1] > 1:
        return _of_rows(output, targets)
    return _of_numbers(output, targets, observations)


def _activation_for(output: Output) -> str | None:
    if output.from_logits:
        return "linear"
    if output.loss in (*loss_names.CATEGORICAL, *loss_names.SPARSE):
        return "softmax"
    if output.loss in loss_names.BINARY:
        return "sigmoid"
    return "linear" if output.loss in loss_names.REGRESSION else None


def _of_rows(output: Output, targets: np.ndarray) -> _Head:
    units = targets.shape[1]
    shares = targets.min() >= 0.0 and np.allclose(targets.sum(axis=1), 1.0, atol=1e-3)
    if shares:
        keeps = output.loss in loss_names.CATEGORICAL
        loss = output.loss if keeps else "categorical_crossentropy"
        return _Head(units, _softmax(output, keeps), loss)
    within = targets.min() >= 0.0 and targets.max() <= 1.0
    if within and (output.loss not in loss_names.REGRESSION or _is_binary(targets)):
        keeps = output.loss in loss_names.BINARY
        loss = output.loss if keeps else "binary_crossentropy"
        return _Head(units, _sigmoid(output, keeps), loss)
    return _quantities(units, output)


def _of_numbers(
    output: Output, targets: np.ndarray, observations: Observations
) -> _Head | None:
    kinds = np.unique(targets)
    if output.ignored is not None:
        kinds = kinds[kinds != output.ignored]
    if not _are_classes(output, targets, kinds):
        within = targets.min() >= 0.0 and targets.max() <= 1.0
        if output.loss in loss_names.BINARY and within:
            return _Head(None, _sigmoid(output, True), output.loss)
        head = _quantities(1, output)
        if within and output.activation in ("sigmoid", "softmax"):
            return head._replace(activation="sigmoid")  # shares, and meant to be
        return head
    if kinds.min() < 0.0:
        return None  # -1 and 1: labels are to be mapped to 0 and 1
    units = output.units or 1
    one_per_target = units == 1 or _is_dense(observations)
    as_two = units > 1 and output.loss in loss_names.SPARSE
    if kinds.max() <= 1.0 and one_per_target and not as_two:
        keeps = output.loss in loss_names.BINARY
        loss = output.loss if keeps else "binary_crossentropy"
        return _Head(1, _sigmoid(output, keeps), loss)
    keeps = output.loss in loss_names.SPARSE
    classes = int(kinds.max()) + 1
    classes = max(classes, units) if keeps and units > 1 else max(classes, 2)
    loss = output.loss if keeps else "sparse_categorical_crossentropy"
    return _Head(classes, _softmax(output, keeps), loss)


def _is_dense(observations: Observations) -> bool:
    """Returns whether there is one prediction for each row, not one for each pixel."""
    batches = observations.batches
    return bool(batches) and len(batches[0].predictions[0].shape) == 1


def _are_classes(output: Output, targets: np.ndarray, kinds: np.ndarray) -> bool:
    if is_fractional(targets) or not len(kinds):
        return False
    if output.loss in loss_names.CLASSIFICATION:
        return True
    names = {name.removeprefix("val_") for name in output.metrics}
    several = (output.units or 1) > 1 or bool(names & set(_ACCURACIES))
    return len(kinds) <= _MOST_CLASSES and several


def _quantities(units: int, output: Output) -> _Head:
    known = output.loss in loss_names.REGRESSION
    loss = output.loss if known and output.loss != loss_names.PERCENTAGE else "mse"
    if output.loss == loss_names.PERCENTAGE:
        loss = "mae"
    if output.loss == "poisson":
        return _Head(None, "exponential", None)
    return _Head(units, "linear", loss)


def _softmax(output: Output, keeps_loss: bool) -> str:
    return "linear" if keeps_loss and output.from_logits else "softmax"


def _sigmoid(output: Output, keeps_loss: bool) -> str:
    return "linear" if keeps_loss and output.from_logits else "sigmoid"


def _is_binary(targets: np.ndarray) -> bool:
    return bool(np.isin(targets, (0.0, 1.0)).all())


def _changed(spec: LayerSpec, output: Output, head: _Head) -> dict[str, Any]:
    """Returns the arguments of the last layer that change."""
    change: dict[str, Any] = {}
    if head.units not in (None, output.units) and output.units is not None:
        size = "filters" if spec.kind.startswith("Conv") else "units"
        change[size] = head.units
    if head.activation is not None and head.activation != output.activation:
        if spec.kind in ("Softmax", "ReLU", "LeakyReLU", "ELU", "PReLU"):
            change["class_name"] = "Activation"
        change["activation"] = head.activation
    return change
