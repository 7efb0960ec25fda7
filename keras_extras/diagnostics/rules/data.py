"""Whether inputs and targets are such that a training can go well."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.finding import Finding
from keras_extras.diagnostics.finding import Severity
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.outcome import CLASSIFICATION
from keras_extras.diagnostics.outcome import inputs_of
from keras_extras.diagnostics.outcome import targets_of
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import update_ratio
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.structure import Part
from keras_extras.diagnostics.structure import Structure

_NORMALISERS = (
    "Normalization",
    "Rescaling",
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "UnitNormalization",
    "SpectralNormalization",
    "Embedding",
    "Discretization",
    "Hashing",
    "CategoryEncoding",
    "IntegerLookup",
    "StringLookup",
    "TextVectorization",
    "Lambda",
)
_SENSITIVE = (
    "Dense",
    "EinsumDense",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "SeparableConv2D",
    "DepthwiseConv2D",
    "LSTM",
    "GRU",
    "SimpleRNN",
)
_LARGE, _VERY_LARGE, _TINY = 15.0, 60.0, 0.02


def unnormalized_input(seen: Observations) -> Iterator[Finding]:
    """Inputs are far larger or smaller than 1, or their features of unlike size.

    Silent where the model scales them itself, where they are numbers of classes or
    tokens, and where it is not known which layer they meet first.

    References:
        LeCun et al. (1998), "Efficient backprop"; TheDeepChecker's and UMLAUT's checks
        of the input range; SageMaker Debugger's CheckInputImages.
    """
    first = _first_layer(seen.structure)
    batches = [*seen.early, *seen.recent]
    x = inputs_of(batches)
    if first is None or x is None or len(batches[0].inputs) != 1:
        return
    x = x[:, np.isfinite(x).all(axis=0)]
    if not x.size:
        return
    size = float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    spread = np.std(x, axis=0)
    evidence, remedy, confidence = "", "", 0.0
    image = len(batches[0].inputs[0].shape) >= 3
    if size > _LARGE:
        evidence = (
            f"the inputs of '{first.name}' have a root mean square of {size:.3g} and "
            f"reach from {x.min():.3g} to {x.max():.3g} (limit {_LARGE:g}, usual 1)"
        )
        confidence = 0.9 if size > _VERY_LARGE else 0.75
    elif size < _TINY and spread.max() > 0:
        evidence = (
            f"the inputs of '{first.name}' have a root mean square of {size:.2g} "
            f"(limit {_TINY:g}, usual 1)"
        )
        confidence = 0.85
    if not evidence:
        return
    remedy = (
        "Scale them once, and no more: `x / 255`, or `Rescaling(1 / 255)` as the first "
        "layer."
        if image or (x.min() >= 0 and 200 < x.max() <= 255) or size < _TINY
        else "Begin with `norm = keras.layers.Normalization(); norm.adapt(x_train)`."
    )
    severe = size > _VERY_LARGE
    severity: Severity = "warning"
    if not severe or seen.outcome.skill > 0.9:
        severity = unless_good(seen)
    yield whole(
        seen,
        "unnormalized-input",
        severity,
        first.name,
        evidence,
        remedy,
        confidence,
    )


def _first_layer(structure: Structure) -> Part | None:
    """Returns the layer with weights that sees the inputs as they are, if known."""
    heads = [part for part in structure.parts if part.inputs == ()]
    if not heads:
        return _first_of_unknown(structure)
    if len(heads) != 1:
        return None
    part = heads[0]
    while part.kind not in _SENSITIVE:
        followers = structure.after(part.name)
        if part.kind in _NORMALISERS or part.weights or len(followers) != 1:
            return None
        part = followers[0]
    return part


def _first_of_unknown(structure: Structure) -> Part | None:
    """Returns the first layer of a model whose graph is not known."""
    for part in structure.parts:
        if part.kind in _SENSITIVE:
            return part
        if part.kind in _NORMALISERS or part.weights:
            return None
    return None


def unscaled_target(seen: Observations) -> Iterator[Finding]:
    """Targets of a regression are far from what a model returns at the start.

    References:
        TheDeepChecker's "over-scaled outputs"; Bishop (1995), "Neural networks for
        pattern recognition", section 8.2.
    """
    outputs = seen.structure.outputs
    if len(outputs) != 1 or outputs[0].loss in (*CLASSIFICATION, ""):
        return
    if outputs[0].loss == "poisson" or outputs[0].activation == "exponential":
        return
    y = targets_of([*seen.early, *seen.recent])
    if y is None or not np.isfinite(y).all() or outputs[0].loss == "custom":
        return
    size = float(np.sqrt(np.mean(np.square(y, dtype=np.float64))))
    if size < 30.0:
        return
    yield whole(
        seen,
        "unscaled-target",
        "info" if seen.outcome.skill > (0.9 if size > 300.0 else 0.5) else "warning",
        outputs[0].layer,
        f"the targets have a mean of {y.mean():.3g} and a standard deviation of "
        f"{y.std():.3g}; the model starts near 0 with a spread of about 1",
        "Train on `(y - y_train.mean()) / y_train.std()` and scale the predictions "
        "back.",
        0.85 if size > 300.0 else 0.7,
    )


def wrong_labels(seen: Observations) -> Iterator[Finding]:
    """Nothing about the targets can be learnt from the inputs.

    Said when the model learns the training data and is no better than a constant on
    other data, or when it learns nothing although neighbours in the data would have
    told the targets if they were related.

    References:
        Zhang et al. (2017), "Understanding deep learning requires rethinking
        generalization"; TheDeepChecker's test with shuffled labels.
    """
    outputs = seen.structure.outputs
    if len(outputs) != 1:
        return
    constant = _constant_targets(seen)
    if constant is not None:
        yield constant
        return
    outcome = seen.outcome
    if not outcome.baseline > 0 or seen.nonfinite is not None or _is_damaged(seen):
        return
    train = 1.0 - outcome.last / outcome.baseline
    validation = seen.epochs.get("val_loss", np.empty(0))
    if train > 0.03 and _learnt_in_vain(seen, validation):
        yield _unrelated(
            seen,
            f"the training loss falls to {outcome.last:.3g}, the validation loss "
            f"never below {validation.min():.3g}, what a constant prediction has "
            f"({outcome.baseline:.3g})",
            0.8,
        )
    elif abs(train) < 0.03 and _relation(seen) < 1.5:
        yield _unrelated(
            seen,
            f"the loss stays at {outcome.last:.3g}, what a constant prediction has "
            f"({outcome.baseline:.3g}), and inputs that are alike have unlike targets",
            0.65,
        )


def _learnt_in_vain(seen: Observations, validation: np.ndarray) -> bool:
    """Whether what was learnt is no better than a constant on other data."""
    if len(validation) < 3 or not np.isfinite(validation).all():
        return False
    # It may go on falling: then more epochs may tell.
    if validation[-1] <= 0.99 * validation[int(0.7 * len(validation))]:
        return False
    lowest = (validation.min() - seen.outcome.penalty) / seen.outcome.baseline
    never_better = lowest > 0.85 or int(np.argmin(validation)) == 0
    at_chance = lowest > 0.98 and _at_chance(seen)
    if not (never_better or at_chance):
        return False
    score = _relation(seen)
    return (at_chance and score < 3.0) or (never_better and score < 2.5)


def _is_damaged(seen: Observations) -> bool:
    """Whether large steps or dead layers explain that nothing is learnt."""
    updates = update_ratio(seen)[:10]
    dead = seen["activation_dead_fraction"][-1:]
    return bool((updates > 0.1).any() or (dead >= 0.95).any())


def _unrelated(seen: Observations, evidence: str, confidence: float) -> Finding:
    return whole(
        seen,
        "wrong-labels",
        "warning",
        None,
        evidence,
        "Look at some pairs of inputs and targets: were they shuffled, sorted or read "
        "apart from each other? Shuffle both with one permutation.",
        confidence,
    )


def _constant_targets(seen: Observations) -> Finding | None:
    y = targets_of([*seen.early, *seen.recent])
    if y is None or len(y) < 64 or not np.isfinite(y).all():
        return None
    if not np.all(y == y[0]) or seen.structure.outputs[0].loss == "custom":
        return None
    return whole(
        seen,
        "wrong-labels",
        "warning",
        None,
        f"all of {len(y)} targets that were looked at are the same",
        "Check how the targets were made, and that the data are shuffled.",
        0.85,
    )


def _at_chance(seen: Observations) -> bool:
    """Whether no validation accuracy is better than that of a constant."""
    chance = seen.outcome.chance
    for name in ("val_accuracy", "val_acc"):
        if name in seen.epochs and np.isfinite(chance):
            return bool(seen.epochs[name].max() < chance + 0.05)
    return True


def _relation(seen: Observations) -> float:
    """Returns how clearly neighbours have like targets; NaN if that is not known."""
    batches = [*seen.early, *seen.recent]
    x, y = inputs_of(batches), targets_of(batches)
    if x is None or y is None or len(x) != len(y):
        return np.nan
    if not batches[0].inputs[0].dtype.startswith("float"):
        return np.nan
    return neighbour_score(x, y)


def neighbour_score(x: np.ndarray, y: np.ndarray) -> float:
    """Returns by how many standard deviations neighbours agree more than others.

    Args:
        x: Inputs, of shape `(rows, features)`.
        y: Targets, of shape `(rows, values)`.
    """
    _, kept = np.unique(x, axis=0, return_index=True)
    x, y = x[kept].astype(np.float64), y[kept].astype(np.float64)
    if len(x) < 100:
        return np.nan
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    squares = np.sum(x * x, axis=1)
    distance = squares[:, None] + squares[None] - 2.0 * x @ x.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.argmin(distance, axis=1)
    difference = np.sum(np.abs(y - y[nearest]), axis=1)
    rng = np.random.default_rng(0)
    others = [
        np.mean(np.sum(np.abs(y - y[rng.permutation(len(y))]), axis=1))
        for _ in range(50)
    ]
    spread_of_others = np.std(others)
    if spread_of_others == 0:
        return np.nan
    return float((np.mean(others) - difference.mean()) / spread_of_others)
