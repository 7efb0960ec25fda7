"""Computes how well a training goes from its losses, logs and batches."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from keras_extras.diagnostics import loss_names
from keras_extras.diagnostics.outcome import Outcome
from keras_extras.diagnostics.reference_loss import constant_prediction
from keras_extras.diagnostics.reference_loss import doubt_of_constant
from keras_extras.diagnostics.reference_loss import least_loss
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.batch_rows import BatchRows

_ACCURACIES = (
    "accuracy",
    "acc",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
)


def outcome_of(
    structure: Structure,
    early: Sequence[BatchRows],
    recent: Sequence[BatchRows],
    losses: np.ndarray,
    counts: np.ndarray,
    epochs: Mapping[str, np.ndarray],
    weighted_constant: float = np.nan,
) -> Outcome:
    """Returns the outcome of a training so far.

    Where some rows count more than others, `weighted_constant` is what the best
    constant prediction has.
    """
    first, last = first_loss(losses, counts), last_loss(losses, counts)
    penalty, first_penalty = _penalty((recent or early)[-3:]), _penalty(early[:3])
    last_data = last - penalty
    if penalty > 0.5 * last:  # a difference of large numbers tells nothing
        last_data = _median([b.loss - b.penalty for b in recent or early])
    first_data = first - first_penalty
    baseline, chance = constant_prediction(structure, [*early, *recent])
    weighted = any(batch.weighted for batch in (*early, *recent))
    if weighted:
        baseline = weighted_constant
    if 1e-6 * penalty > 0.01 * np.nanmax([baseline, first_data, 0.0]):
        last_data = np.nan  # lost in rounding
    best = last_data
    # A large penalty has changed since the validation.
    if penalty < 0.1 * last and not weighted:
        # Dropout makes training look worse, other data may lie on another scale, or
        # have no weights where the training data have some.
        validation = _best(epochs, ["val_loss"], _lately) - penalty
        best = float(np.fmin(last_data, np.maximum(validation, 0.8 * last_data)))
    reference = baseline if np.isfinite(baseline) else first_data
    floor = least_loss(structure, [*early, *recent]) if reference == baseline else 0.0
    room = reference - floor
    skill = (reference - best) / room if room > 0 else np.nan
    if _is_absolute(structure):  # as much as it would be of the squared error
        skill = 1.0 - (1.0 - skill) * abs(1.0 - skill)
    doubt = np.hypot(
        doubt_of_constant(structure, [*early, *recent]), _doubt_of_last(losses)
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


def _is_absolute(structure: Structure) -> bool:
    losses = [output.loss for output in structure.outputs]
    return len(losses) == 1 and losses[0] in loss_names.ABSOLUTE


def _doubt_of_last(losses: np.ndarray) -> float:
    """Returns the standard error of the loss of the last batches."""
    last = losses[-max(len(losses) // 10, 5) :]
    return float(np.std(last) / np.sqrt(len(last))) if len(last) > 1 else 0.0
