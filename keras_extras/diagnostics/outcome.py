"""How well a training goes, whatever the reasons."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_extras.diagnostics import loss_names
from keras_extras.diagnostics.structure import Output
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.batch_tensor import BatchTensor

_ACCURACIES = (
    "accuracy",
    "acc",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
)


@dataclass(frozen=True)
class Outcome:
    """How well a training goes.

    Attributes:
        first: Float. Loss of the first few batches, NaN if unknown.
        last: Float. Loss of the last tenth of the batches.
        first_penalty: Float. What regularisers added to the loss at first, which is
            not in `first`.
        penalty: Float. What they add lately, which is not in `last`.
        baseline: Float. Loss of the best constant prediction; NaN if unknown.
        skill: Float. Share of that loss that the model has got rid of, in training
            or validation, whichever went better: 1 is perfect, 0 as good as a
            constant. Of the first loss where the baseline is not known.
        doubt: Float. Standard error of `skill`: the baseline comes from a few
            hundred targets, the loss from the last batches.
        accuracy: Float. Training or validation accuracy, the better one; NaN
            without one.
        chance: Float. Accuracy of always naming the most frequent class.
    """

    first: float
    last: float
    first_penalty: float
    penalty: float
    baseline: float
    skill: float
    doubt: float
    accuracy: float
    chance: float

    @property
    def is_good(self) -> bool:
        """Whether the model clearly learns what it should."""
        if self.last > 2.0 * self.baseline:  # right at times, and sure when wrong
            return False
        by_loss = bool(self.skill >= 0.5)
        if not (np.isfinite(self.accuracy) and np.isfinite(self.chance)):
            return by_loss
        return self.gain >= 0.5 or (
            by_loss and bool(np.isfinite(self.baseline)) and self.gain > 0.2
        )

    @property
    def is_excellent(self) -> bool:
        """Whether it could hardly go better."""
        return self.is_good and self.skill >= 0.75 and not self.gain < 0.8

    @property
    def gain(self) -> float:
        """Share of what a constant gets wrong that the model gets right."""
        return (self.accuracy - self.chance) / max(1.0 - self.chance, 1e-3)

    @property
    def is_poor(self) -> bool:
        """Whether the model is known to be hardly better than a constant prediction.

        It never is where nobody can say how good a constant would be: a loss of
        one's own may begin near its least value, or have none.
        """
        if self.is_good:
            return False
        if np.isneginf(self.skill):  # the loss is NaN or infinite
            return True
        # Where most rows are of one class, accuracy tells little.
        gain = self.gain if self.chance < 0.7 else np.nan
        if np.isfinite(self.baseline) and not np.isnan(self.skill):
            weak = self.skill > 0.0 and gain >= 0.2
            by_loss = self.skill <= 0.07 and self.skill + 2.0 * self.doubt <= 0.2
            return bool(by_loss and not weak)
        # Far below chance, it counts something else than what is wanted.
        return bool(-0.2 < gain < 0.1)

    @property
    def is_known(self) -> bool:
        """Whether there is something to judge the training by."""
        return self.is_poor or bool(np.isfinite(self.baseline) and self.baseline > 0.0)

    @property
    def is_wanting(self) -> bool:
        """Whether the training is known not to go well."""
        return self.is_known and not self.is_good


def outcome_of(
    structure: Structure,
    early: Sequence[BatchRows],
    recent: Sequence[BatchRows],
    losses: np.ndarray,
    counts: np.ndarray,
    epochs: Mapping[str, np.ndarray],
) -> Outcome:
    """Returns the outcome of a training so far."""
    first, last = first_loss(losses, counts), last_loss(losses, counts)
    penalty, first_penalty = _penalty((recent or early)[-3:]), _penalty(early[:3])
    last_data = last - penalty
    if penalty > 0.5 * last:  # a difference of large numbers tells nothing
        last_data = _median([b.loss - b.penalty for b in recent or early])
    first_data = first - first_penalty
    baseline, chance = _constant_prediction(structure, [*early, *recent])
    if 1e-6 * penalty > 0.01 * np.nanmax([baseline, first_data, 0.0]):
        last_data = np.nan  # lost in rounding
    best = last_data
    if penalty < 0.1 * last:  # it has changed since the validation, otherwise
        # Dropout makes training look worse, other data may lie on another scale.
        validation = _best(epochs, ["val_loss"], _lately) - penalty
        best = float(np.fmin(last_data, np.maximum(validation, 0.8 * last_data)))
    reference = baseline if np.isfinite(baseline) else first_data
    floor = _least_loss(structure, [*early, *recent]) if reference == baseline else 0.0
    room = reference - floor
    skill = (reference - best) / room if room > 0 else np.nan
    if _is_absolute(structure):  # as much as it would be of the squared error
        skill = 1.0 - (1.0 - skill) * abs(1.0 - skill)
    doubt = np.hypot(
        _doubt_of_constant(structure, [*early, *recent]), _doubt_of_last(losses)
    )
    accuracies = [n for name in _ACCURACIES for n in (name, f"val_{name}")]
    return Outcome(
        first=first_data,
        last=last_data,
        first_penalty=first_penalty,
        penalty=penalty,
        baseline=baseline,
        skill=skill if np.isfinite(last) else -np.inf if len(losses) else np.nan,
        doubt=float(doubt / room) if room > 0 else np.nan,
        accuracy=_best(epochs, accuracies, lambda a: a[-1]),
        chance=chance,
    )


def first_loss(losses: np.ndarray, counts: np.ndarray) -> float:
    """Returns the loss of the first few batches."""
    return _mean(losses[:3], counts[:3])


def last_loss(losses: np.ndarray, counts: np.ndarray) -> float:
    """Returns the loss of the last tenth of the batches, of five points at least."""
    if not len(losses):
        return np.nan
    behind = np.cumsum(counts[::-1])[::-1]
    number = max(int((behind <= 0.1 * behind[0]).sum()), min(5, len(losses)))
    return _mean(losses[-number:], counts[-number:])


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(values, weights=weights)) if len(values) else np.nan


def _penalty(batches: Sequence[BatchRows]) -> float:
    return _median([b.penalty for b in batches]) if batches else 0.0


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else np.nan


def _best(
    epochs: Mapping[str, np.ndarray],
    names: list[str],
    of: Callable[[np.ndarray], float],
) -> float:
    values = [epochs[name] for name in names if len(epochs.get(name, ()))]
    found = [float(of(v)) for v in values]
    return max(found) if found else np.nan


def _lately(values: np.ndarray) -> float:
    """Returns the least of the last third: what was lost since is no merit."""
    return float(np.min(values[-max(len(values) // 3, 3) :]))


def _constant_prediction(
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
    """Whether each row says how likely each class is."""
    few = targets.shape[1] <= max(len(targets) / 8, 2)
    sums = targets.sum(axis=1)
    return targets.shape[1] > 1 and few and bool(np.allclose(sums, 1.0, atol=1e-3))


def _least_loss(structure: Structure, batches: list[BatchRows]) -> float:
    """Returns the loss of perfect predictions: not 0 where targets are shares."""
    output, targets = structure.outputs[0], targets_of(batches)
    if output.loss == loss_names.ENTROPY_OF_TWO and targets is not None:
        share = _smoothed(output, targets)
        return output.weight * float(np.mean(_entropy_of_two(share)))
    if output.loss == loss_names.ENTROPY_OF_MANY and targets is not None:
        return output.weight * float(np.mean(_entropy(_smoothed(output, targets).T)))
    return 0.0


def _is_absolute(structure: Structure) -> bool:
    losses = [output.loss for output in structure.outputs]
    return len(losses) == 1 and losses[0] in loss_names.ABSOLUTE


def _doubt_of_constant(structure: Structure, batches: list[BatchRows]) -> float:
    """Returns the standard error of a constant's loss: a jackknife over batches."""
    groups = [batches[i::8] for i in range(8)]
    if len(batches) < 16:
        groups = [[batch] for batch in batches]
    found = [
        _constant_prediction(
            structure, [b for g in groups if g is not group for b in g]
        )
        for group in groups
        if len(groups) > 1
    ]
    values = np.array([loss for loss, _ in found])
    if len(values) < 2 or not np.isfinite(values).all():
        return 0.0
    return float(np.sqrt((len(values) - 1) * np.var(values)))


def _doubt_of_last(losses: np.ndarray) -> float:
    """Returns the standard error of the loss of the last batches."""
    last = losses[-max(len(losses) // 10, 5) :]
    return float(np.std(last) / np.sqrt(len(last))) if len(last) > 1 else 0.0


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


def targets_of(batches: Sequence[BatchRows], place: int = 0) -> np.ndarray | None:
    """Returns the targets of one output: an array of shape `(rows, features)`.

    Each step of a sequence, and each pixel of an image, is a row of its own.
    """
    return _stack(
        [_by_last_axis(b.targets[place]) for b in batches if len(b.targets) > place]
    )


def inputs_of(batches: Sequence[BatchRows], place: int = 0) -> np.ndarray | None:
    """Returns one of the inputs: an array of shape `(rows, features)`."""
    return _stack([b.inputs[place].values for b in batches if len(b.inputs) > place])


def predictions_of(batches: Sequence[BatchRows], place: int = 0) -> np.ndarray | None:
    """Returns one of the outputs, as `targets_of` returns targets."""
    return _stack(
        [
            _by_last_axis(b.predictions[place])
            for b in batches
            if len(b.predictions) > place
        ]
    )


def _by_last_axis(tensor: BatchTensor) -> np.ndarray:
    sizes = [size for size in tensor.shape if size is not None]
    whole = len(sizes) == len(tensor.shape) and len(sizes) >= 2
    if whole and tensor.values.shape[1] == math.prod(sizes):
        return tensor.values.reshape(-1, sizes[-1])
    return tensor.values


def _stack(arrays: list[np.ndarray]) -> np.ndarray | None:
    same = [a for a in arrays if len(a) and a.shape[1] == arrays[-1].shape[1]]
    return np.concatenate(same) if same else None
