"""Whether the last activation, the loss and the targets belong together."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np

from keras_extras.diagnostics.loss_names import BINARY
from keras_extras.diagnostics.loss_names import CATEGORICAL
from keras_extras.diagnostics.loss_names import CUSTOM
from keras_extras.diagnostics.loss_names import PERCENTAGE
from keras_extras.diagnostics.loss_names import REGRESSION
from keras_extras.diagnostics.loss_names import SPARSE
from keras_extras.diagnostics.loss_names import takes_logarithms
from keras_extras.diagnostics.neighbours import reconstructs
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.outcome import predictions_of
from keras_extras.diagnostics.outcome import targets_of
from keras_extras.diagnostics.rules.common import if_poor
from keras_extras.diagnostics.rules.common import unless_excellent
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.structure import Output
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.finding import Finding
from keras_extras.records.finding import Severity

CODE = "output-loss-mismatch"
_ACCURACIES = ("accuracy", "acc", "binary_accuracy", "categorical_accuracy")
# What each activation function can return.
_RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, np.inf),
    "exponential": (0.0, np.inf),
}
_UNBOUNDED = ("linear", "leaky_relu", "elu", "selu", "gelu", "silu", "swish")
_Claim = tuple[Severity, float, str, str]


def output_loss_mismatch(seen: Observations) -> Iterator[Finding]:
    """The loss expects something else than the last layer returns, or the targets are.

    Judged by what is known: the activation function and the loss, and a few rows of
    targets and predictions. A loss of one's own is judged by values only.

    References:
        NeuraLint (Nikanjam et al., 2021); AUTOTRAINER (Zhang et al., 2021), "improper
        activation"; DeepDiagnosis (Wardat et al., 2022), "out of range".
    """
    batches = seen.batches
    for place, output in enumerate(seen.structure.outputs):
        targets = targets_of(batches, place)
        predictions = predictions_of(batches, place)
        if len(seen.structure.outputs) > 1:
            targets = None  # which of them belongs to which output is not known
        if targets is not None and not np.isfinite(targets).all():
            continue
        if targets is not None and batches[0].weighted and targets.min() < 0:
            targets = None  # -1 may stand for no label, with a weight of 0
        claim = _judge(output, targets, predictions, seen)
        if claim is not None:
            severity, confidence, evidence, remedy = claim
            yield whole(
                seen, CODE, severity, output.layer, evidence, remedy, confidence
            )


def _judge(
    output: Output,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    seen: Observations,
) -> _Claim | None:
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
        return _categorical(output, units, targets, predictions, seen)
    if output.loss in SPARSE:
        return _sparse(output, units, targets, predictions, seen)
    if output.loss in BINARY:
        return _binary(output, units, targets, predictions, seen)
    if output.loss in REGRESSION:
        return _regression(output, units, targets, predictions, seen)
    return _any_loss(output, targets, predictions, seen)


def _all_one(predictions: np.ndarray | None) -> bool:
    """Whether that may be so: softmax along another axis makes shares."""
    return predictions is None or bool(np.nanmin(predictions, initial=1.0) > 0.99)


def _probabilities(
    output: Output,
    right: str,
    predictions: np.ndarray | None,
    seen: Observations,
    remedy: str,
) -> _Claim | None:
    """Judges a last activation whose loss wants probabilities, or logits.

    What the model returned has the last word: a mean of probabilities is one too,
    although the layer that takes it has no activation function.
    """
    activation = output.activation
    # A function of one's own may be right, whatever its name.
    if activation == right or activation not in (*_RANGES, *_UNBOUNDED):
        return None
    if output.from_logits:
        if activation in ("linear", "sigmoid", "softmax"):
            return None
        evidence = f"the loss takes logits, and {activation} cuts a part of them off"
        severity = unless_good(seen, "error") if activation == "relu" else if_poor(seen)
        return (severity, 0.9, evidence, remedy)
    if predictions is not None and _are_probabilities(predictions, right):
        return None
    evidence = (
        f"{output.loss} expects probabilities as {right} returns them; the last "
        f"activation is {activation}"
    )
    if activation in ("sigmoid", "softmax"):
        return (if_poor(seen), 0.8, evidence, remedy)
    alone = len(seen.structure.outputs) == 1
    if alone and predictions is not None and _leaves_unit(predictions, right):
        return ("warning" if seen.outcome.is_good else "error", 0.95, evidence, remedy)
    severity = "error" if not seen.outcome.is_good else unless_excellent(seen)
    return (severity, 0.93, evidence, remedy)


def _leaves_unit(predictions: np.ndarray, right: str) -> bool:
    """Whether some predictions cannot be probabilities: the loss cuts them off.

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


def _categorical(
    output: Output,
    units: int | None,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    seen: Observations,
) -> _Claim | None:
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
        return (
            if_poor(seen, "error"),  # rows may be weighted, by a reward for example
            0.85,
            f"{output.loss} expects rows of shares that sum to 1; the targets lie in "
            f"{_interval(targets)} and sum to {targets.sum(axis=1).max():.3g}",
            'For labels that do not exclude each other use `activation="sigmoid"` and '
            '`loss="binary_crossentropy"`; for numbers `loss="mse"`.',
        )
    return _probabilities(output, "softmax", predictions, seen, remedy)


def _sparse(
    output: Output,
    units: int | None,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    seen: Observations,
) -> _Claim | None:
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
    if targets is not None and _fractional(targets):
        return (
            "error",
            0.95,
            "the targets are no integers: they are cut off to class numbers",
            'For numbers use `Dense(1)` and `loss="mse"`.',
        )
    return _probabilities(output, "softmax", predictions, seen, remedy)


def _binary(
    output: Output,
    units: int | None,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    seen: Observations,
) -> _Claim | None:
    remedy = (
        f'End with `Dense({units or 1}, activation="sigmoid")`, or with a linear layer '
        "and `keras.losses.BinaryCrossentropy(from_logits=True)`."
    )
    outside = targets is not None and (targets < -0.01) | (targets > 1.01)
    if targets is not None and np.mean(outside) > 0.01:
        several = targets.max() > 1.0 and not _fractional(targets)
        return (
            "error",
            0.96,
            f"{output.loss} expects targets between 0 and 1; they lie in "
            f"{_interval(targets)}",
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
        if exclusive and (seen.outcome.is_good or units == 2):
            return None
        several = targets is not None and _has_several(targets, units)
        return (
            unless_excellent(seen) if several else if_poor(seen),
            0.85 if several else 0.75,
            f"{output.loss} judges each unit alone, softmax lets them compete",
            'Use `loss="categorical_crossentropy"` for classes that exclude each '
            'other, `activation="sigmoid"` for those that do not.',
        )
    return _probabilities(output, "sigmoid", predictions, seen, remedy)


def _has_several(targets: np.ndarray, units: int | None) -> bool:
    """Whether rows of 0 and 1 have more than one 1, or none, and not by a slip."""
    if targets.shape[1] != units or not np.isin(targets, (0.0, 1.0)).all():
        return False
    return bool(np.mean(targets.sum(axis=1) != 1.0) > 0.05)


def _regression(
    output: Output,
    units: int | None,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    seen: Observations,
) -> _Claim | None:
    if targets is None:
        return None
    if units is not None and units > 1 and targets.shape[1] == 1:
        return (
            if_poor(seen, "error"),
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
    outside = _outside(output, targets, predictions)
    if outside is not None:
        share, interval = outside
        return (
            "warning" if seen.outcome.is_good else "error",
            0.92,
            f"{share:.0%} of the targets lie outside of {interval}, all that "
            f"{output.activation} can return; they span {_interval(targets)}",
            "End with a linear layer, "
            f"`Dense({units or 1})`, or scale the targets into that range.",
        )
    return _classes_as_numbers(output, targets, seen)


def _classes_as_numbers(
    output: Output, targets: np.ndarray, seen: Observations
) -> _Claim | None:
    names = {name.removeprefix("val_") for name in output.metrics}
    one_hot = (
        targets.shape[1] > 1
        and np.isin(targets, (0.0, 1.0)).all()
        and np.allclose(targets.sum(axis=1), 1.0)
    )
    if one_hot and reconstructs(seen):
        return None
    if one_hot:
        least_squares = output.activation in (None, "linear")
        return (
            if_poor(seen) if least_squares else unless_excellent(seen),
            0.75,
            f"the targets are one-hot rows of {targets.shape[1]} classes, and the loss "
            f"is {output.loss}, whose gradient fades where the model is wrong",
            f'End with `Dense({targets.shape[1]}, activation="softmax")` and use '
            '`loss="categorical_crossentropy"`.',
        )
    kinds = len(np.unique(targets))
    whole_numbers = not _fractional(targets) and kinds <= 20 and targets.shape[1] == 1
    if whole_numbers and names & set(_ACCURACIES):
        two = kinds == 2
        bounded = two and output.activation == "sigmoid"
        return (
            unless_good(seen),
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


def _any_loss(
    output: Output,
    targets: np.ndarray | None,
    predictions: np.ndarray | None,
    seen: Observations,
) -> _Claim | None:
    """Judges by values alone, and only what goes badly."""
    if targets is None or predictions is None or targets.shape != predictions.shape:
        return None
    if output.loss == CUSTOM and _runs_away(targets, seen):
        return (
            "warning",
            0.75,
            "the loss falls, and the predictions move away from the targets: they miss "
            "them by more than a constant would",
            'Try a loss of Keras, such as `loss="mse"`; the least value of this one is '
            "not where predictions equal targets.",
        )
    if not seen.outcome.is_poor and output.loss != "poisson":
        return None
    outside = _outside(output, targets, predictions)
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
        and seen.outcome.is_poor
        and takes_logarithms(output)
        and not _agrees(seen.recent or seen.early)
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


def _runs_away(targets: np.ndarray, seen: Observations) -> bool:
    """Whether a falling loss makes predictions of quantities worse and worse."""
    early, late = (_error(batches) for batches in (seen.early[:3], seen.recent))
    if not _fractional(targets) or not seen.outcome.skill > 0.2:
        return False
    # Predictions of a logarithm, say, are off from the start, and logits go along.
    away = late > 2.0 * np.var(targets) and late > 2.0 * early
    return bool(away) and not _agrees(seen.recent)


def _agrees(batches: Sequence[BatchRows]) -> bool:
    """Whether predictions rise and fall with the targets, on whatever scale."""
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


def _outside(
    output: Output, targets: np.ndarray, predictions: np.ndarray | None
) -> tuple[float, str] | None:
    """Returns the share of targets that the last activation cannot reach.

    A few that lie a little outside do no harm: what counts is how much of their
    variance is out of reach.
    """
    if output.activation not in _RANGES:
        return None
    low, high = _RANGES[output.activation]
    if predictions is not None:
        returned = predictions[np.isfinite(predictions)]
        if np.any((returned < low - 1e-3) | (returned > high + 1e-3)):
            return None  # it can, for something scales what the layer returns
    missed = targets - np.clip(targets, low, high)
    share = float(np.mean(np.abs(missed) > 1e-3))
    if share < 0.02 or np.mean(missed**2) < 0.05 * np.mean(np.var(targets, axis=0)):
        return None
    return share, f"[{low:g}, {high:g}]"


def _fractional(values: np.ndarray) -> bool:
    return bool(np.any(values != np.round(values)))


def _interval(values: np.ndarray) -> str:
    return f"[{values.min():.3g}, {values.max():.3g}]"
