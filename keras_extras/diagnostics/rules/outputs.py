"""Whether the last activation, the loss and the targets belong together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.finding import Finding
from keras_extras.diagnostics.finding import Severity
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.outcome import predictions_of
from keras_extras.diagnostics.outcome import targets_of
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.structure import Output

CODE = "output-loss-mismatch"
_BINARY = ("binary_crossentropy", "binary_focal_crossentropy")
_CATEGORICAL = ("categorical_crossentropy", "categorical_focal_crossentropy")
_SPARSE = "sparse_categorical_crossentropy"
_REGRESSION = (
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
)
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
_Claim = tuple[Severity, float, str, str]


def output_loss_mismatch(seen: Observations) -> Iterator[Finding]:
    """The loss expects something else than the last layer returns, or the targets are.

    Judged by what is known: the activation function and the loss, and a few rows of
    targets and predictions. A loss of one's own is judged by values only.

    References:
        NeuraLint (Nikanjam et al., 2021); AUTOTRAINER (Zhang et al., 2021), "improper
        activation"; DeepDiagnosis (Wardat et al., 2022), "out of range".
    """
    batches = [*seen.early, *seen.recent]
    for place, output in enumerate(seen.structure.outputs):
        targets = targets_of(batches, place)
        predictions = predictions_of(batches, place)
        if len(seen.structure.outputs) > 1:
            targets = None  # which of them belongs to which output is not known
        if targets is not None and not np.isfinite(targets).all():
            continue
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
    good = seen.outcome.is_good
    units = output.units
    if predictions is not None and units is None:
        units = predictions.shape[1]
    if output.activation == "softmax" and units == 1:
        return (
            "error",
            0.98,
            "softmax over one unit is always 1, whatever the model computes",
            'End with `Dense(1, activation="sigmoid")` and `loss="binary_crossentropy"`'
            "; for a regression with `Dense(1)`.",
        )
    if output.loss in _CATEGORICAL:
        return _categorical(output, units, targets, good)
    if output.loss == _SPARSE:
        return _sparse(output, units, targets, good)
    if output.loss in _BINARY:
        return _binary(output, units, targets, good)
    if output.loss in _REGRESSION:
        return _regression(output, units, targets, good)
    return _any_loss(output, targets, predictions, seen)


def _probabilities(
    output: Output, right: str, good: bool, remedy: str
) -> _Claim | None:
    """Judges a last activation whose loss wants probabilities, or logits."""
    activation = output.activation
    if activation is None or activation == right:
        return None
    if output.from_logits and activation in ("linear", "sigmoid", "softmax"):
        return None
    if output.from_logits:
        evidence = f"the loss takes logits, and {activation} cuts a part of them off"
        return ("info" if good else "error", 0.9, evidence, remedy)
    evidence = (
        f"{output.loss} expects probabilities as {right} returns them; the last "
        f"activation is {activation}"
    )
    mild = {"sigmoid", "softmax"} & {activation}
    if mild:
        return ("info" if good else "warning", 0.8, evidence, remedy)
    return ("warning" if good else "error", 0.93, evidence, remedy)


def _categorical(
    output: Output, units: int | None, targets: np.ndarray | None, good: bool
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
            "error",
            0.85,
            f"{output.loss} expects rows of shares that sum to 1; the targets lie in "
            f"{_interval(targets)} and sum to {targets.sum(axis=1).max():.3g}",
            'For labels that do not exclude each other use `activation="sigmoid"` and '
            '`loss="binary_crossentropy"`; for numbers `loss="mse"`.',
        )
    return _probabilities(output, "softmax", good, remedy)


def _sparse(
    output: Output, units: int | None, targets: np.ndarray | None, good: bool
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
    return _probabilities(output, "softmax", good, remedy)


def _binary(
    output: Output, units: int | None, targets: np.ndarray | None, good: bool
) -> _Claim | None:
    remedy = (
        f'End with `Dense({units or 1}, activation="sigmoid")`, or with a linear layer '
        "and `keras.losses.BinaryCrossentropy(from_logits=True)`."
    )
    if targets is not None and (targets.min() < 0.0 or targets.max() > 1.0):
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
        if exclusive and (good or units == 2):
            return None
        return (
            "info" if good else "warning",
            0.75,
            f"{output.loss} judges each unit alone, softmax lets them compete",
            'Use `loss="categorical_crossentropy"` for classes that exclude each '
            'other, `activation="sigmoid"` for those that do not.',
        )
    return _probabilities(output, "sigmoid", good, remedy)


def _regression(
    output: Output, units: int | None, targets: np.ndarray | None, good: bool
) -> _Claim | None:
    if targets is None:
        return None
    if units is not None and units > 1 and targets.shape[1] == 1 and not good:
        return (
            "error",
            0.85,
            f"the model returns {units} numbers for each target, which are all "
            "compared with the same one",
            'For classes use `loss="sparse_categorical_crossentropy"`; for one number '
            "end with `Dense(1)`.",
        )
    if "percentage" in output.loss and np.mean(np.abs(targets) < 1e-6) > 0.01:
        return (
            "error",
            0.9,
            f"{output.loss} divides by the targets, and "
            f"{np.mean(np.abs(targets) < 1e-6):.0%} of them are 0",
            'Use `loss="mae"`, or `loss="binary_crossentropy"` for classes 0 and 1.',
        )
    outside = _outside(output, targets)
    if outside is not None:
        share, interval = outside
        return (
            "warning" if good else "error",
            0.92,
            f"{share:.0%} of the targets lie outside of {interval}, all that "
            f"{output.activation} can return; they span {_interval(targets)}",
            "End with a linear layer, "
            f"`Dense({units or 1})`, or scale the targets into that range.",
        )
    return _classes_as_numbers(output, units, targets, good)


def _classes_as_numbers(
    output: Output, units: int | None, targets: np.ndarray, good: bool
) -> _Claim | None:
    names = {name.removeprefix("val_") for name in output.metrics}
    one_hot = (
        targets.shape[1] > 1
        and np.isin(targets, (0.0, 1.0)).all()
        and np.allclose(targets.sum(axis=1), 1.0)
    )
    if one_hot:
        return (
            "warning" if output.activation in ("softmax", "linear", "relu") else "info",
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
            "info" if good else "warning",
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
    if output.loss == "custom" and _runs_away(targets, seen):
        return (
            "warning",
            0.75,
            "the loss falls, and the predictions move away from the targets: they miss "
            "them by more than a constant would",
            'Try a loss of Keras, such as `loss="mse"`; the least value of this one is '
            "not where predictions equal targets.",
        )
    if not seen.outcome.is_poor:
        return None
    outside = _outside(output, targets)
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
    if shares and output.activation in ("linear", "relu", "tanh"):
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
    """Whether a falling loss makes predictions of quantities worse than a constant."""
    late, wanted = predictions_of(seen.recent), targets_of(seen.recent)
    if late is None or wanted is None or late.shape != wanted.shape:
        return False
    if not _fractional(targets) or not np.isfinite(late).all():
        return False
    missed = np.mean((late - wanted) ** 2)
    return bool(missed > 2.0 * np.var(targets) and seen.outcome.skill > 0.2)


def _outside(output: Output, targets: np.ndarray) -> tuple[float, str] | None:
    """Returns the share of targets that the last activation cannot reach."""
    if output.activation not in _RANGES:
        return None
    low, high = _RANGES[output.activation]
    share = float(np.mean((targets < low - 1e-3) | (targets > high + 1e-3)))
    if share < 0.02:
        return None
    return share, f"[{low:g}, {high:g}]"


def _fractional(values: np.ndarray) -> bool:
    return bool(np.any(values != np.round(values)))


def _interval(values: np.ndarray) -> str:
    return f"[{values.min():.3g}, {values.max():.3g}]"
