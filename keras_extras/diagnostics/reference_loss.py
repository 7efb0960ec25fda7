"""Computes what the best constant prediction would lose: the loss to compare with."""

from __future__ import annotations

import numpy as np

from keras_extras.diagnostics import loss_names
from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.structure import Output
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.batch_rows import BatchRows


def constant_prediction(
    structure: Structure, batches: list[BatchRows]
) -> tuple[float, float]:
    """Returns loss and accuracy of the best constant prediction."""
    if len(structure.outputs) != 1 or not batches or batches[0].weighted:
        return np.nan, np.nan
    targets = targets_of(batches)
    if targets is None or not np.isfinite(targets).all():
        return np.nan, np.nan
    chance = _chance(targets)
    if np.ptp(targets, axis=0).max() <= 1e-5 * np.abs(targets).max():
        return np.nan, chance  # one value is all that is wanted
    return _constant_loss(structure.outputs[0], targets), chance


def _constant_loss(output: Output, targets: np.ndarray) -> float:
    loss, weight = output.loss, output.weight
    if loss in loss_names.SQUARED:
        return weight * float(np.mean(np.var(targets, axis=0)))
    if loss in loss_names.ABSOLUTE:
        off = np.abs(targets - np.median(targets, axis=0))
        return weight * float(np.mean(off))
    if loss in loss_names.SPARSE:
        return weight * _entropy_of_classes(targets[targets != output.ignored])
    if loss == loss_names.ENTROPY_OF_TWO:
        share = _smoothed(output, targets).mean(axis=0)
        return weight * float(np.mean(_entropy_of_two(share)))
    if loss == loss_names.ENTROPY_OF_MANY and _are_shares(targets):
        share = _smoothed(output, targets).mean(axis=0)
        return weight * float(_entropy(share))
    return np.nan


def _entropy_of_classes(classes: np.ndarray) -> float:
    """Returns the entropy; NaN where most classes have hardly been seen as yet."""
    kinds = len(np.unique(classes))
    if not kinds or kinds > len(classes) / 8:
        return np.nan
    # The correction of Miller and Madow for what a small sample leaves out.
    return float(_entropy(_shares(classes))) + (kinds - 1) / (2 * len(classes))


def _smoothed(output: Output, targets: np.ndarray) -> np.ndarray:
    kinds = 2 if output.loss in loss_names.BINARY else targets.shape[1]
    return targets * (1.0 - output.smoothing) + output.smoothing / kinds


def _are_shares(targets: np.ndarray) -> bool:
    """Returns whether each row says how likely each class is."""
    few = targets.shape[1] <= max(len(targets) / 8, 2)
    sums = targets.sum(axis=1)
    return targets.shape[1] > 1 and few and bool(np.allclose(sums, 1.0, atol=1e-3))


def least_loss(structure: Structure, batches: list[BatchRows]) -> float:
    """Returns the loss of perfect predictions: not 0 where targets are shares."""
    output, targets = structure.outputs[0], targets_of(batches)
    if output.loss == loss_names.ENTROPY_OF_TWO and targets is not None:
        share = _smoothed(output, targets)
        return output.weight * float(np.mean(_entropy_of_two(share)))
    if output.loss == loss_names.ENTROPY_OF_MANY and targets is not None:
        return output.weight * float(np.mean(_entropy(_smoothed(output, targets).T)))
    return 0.0


def doubt_of_constant(structure: Structure, batches: list[BatchRows]) -> float:
    """Returns the standard error of a constant's loss: a jackknife over batches."""
    groups = [batches[i::8] for i in range(8)]
    if len(batches) < 16:
        groups = [[batch] for batch in batches]
    found = [
        constant_prediction(structure, [b for g in groups if g is not group for b in g])
        for group in groups
        if len(groups) > 1
    ]
    values = np.array([loss for loss, _ in found])
    if len(values) < 2 or not np.isfinite(values).all():
        return 0.0
    return float(np.sqrt((len(values) - 1) * np.var(values)))


def _chance(targets: np.ndarray) -> float:
    """Returns the accuracy of a constant; NaN where the targets are no classes."""
    if targets.shape[1] > 1 and np.allclose(targets.sum(axis=1), 1.0, atol=1e-3):
        return float(targets.mean(axis=0).max())
    if np.isin(targets, (0.0, 1.0)).all():
        share = targets.mean(axis=0)
        return float(np.mean(np.maximum(share, 1.0 - share)))
    if targets.shape[1] == 1 and np.all(targets == np.round(targets)):
        return float(_shares(targets).max())
    return np.nan


def _shares(classes: np.ndarray) -> np.ndarray:
    _, number = np.unique(classes, return_counts=True)
    return number / number.sum()


def _entropy(share: np.ndarray) -> np.ndarray:
    return -np.sum(share * np.log(np.maximum(share, 1e-12)), axis=0)


def _entropy_of_two(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0.0, 1.0)
    return _entropy(np.stack([share, 1.0 - share]))
