"""The rules about classes: in which order they come, and how often."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.batch_arrays import predictions_of
from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.loss_names import BINARY
from keras_extras.diagnostics.loss_names import CLASSIFICATION
from keras_extras.diagnostics.loss_names import SPARSE
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import is_long
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.finding import Finding

_BATCHES, _ROWS = 6, 8
# Of two rows of one batch, and of two rows of different ones, how many have one class.
_WITHIN, _BETWEEN = 0.8, 0.5
_MISSING = 0.05
_LARGEST, _RARE_ROWS = 0.8, 8
_ACCURACIES = ("acc", "accuracy")


def unshuffled_data(observations: Observations) -> Iterator[Finding]:
    """The rows come class by class, or the classes of the validation data are new.

    `validation_split` takes the last rows before they are shuffled: of sorted data
    these are other classes.

    References:
        Bengio (2012), "Practical recommendations for gradient-based training of deep
        architectures", on the order of examples; Keras, `Model.fit`.
    """
    outputs, data = observations.structure.outputs, observations.data
    if len(outputs) != 1 or outputs[0].loss not in CLASSIFICATION:
        return
    if data.missing > _MISSING:
        classes = ", ".join(f"{kind:g}" for kind in data.missing_classes)
        taken = "; `validation_split` took the last rows, which are other ones"
        yield whole(
            observations,
            "unshuffled-data",
            "error" if data.missing > 0.2 else "warning",
            None,
            f"{data.missing:.0%} of the validation rows are of classes that no row of "
            f"the training data has: {classes}" + (taken if data.split else ""),
            "Shuffle before the data are split: "
            "`order = np.random.default_rng(0).permutation(len(x))`, "
            "`x, y = x[order], y[order]`.",
            0.95,
        )
        return
    within, between = _agreement(observations.batches)
    if not (within > _WITHIN and between < _BETWEEN) or _is_right(observations):
        return
    yield whole(
        observations,
        "unshuffled-data",
        "warning",
        None,
        f"of two rows of one batch {within:.0%} have the same class, of rows of "
        f"different batches {between:.0%}: the classes come one after the other",
        "Shuffle the rows: `shuffle=True` in `fit`, or `dataset.shuffle(len(x))` "
        "before `batch`, with a buffer as large as the data.",
        0.9,
    )


def _agreement(batches: tuple[BatchRows, ...]) -> tuple[float, float]:
    """Returns how often rows of one batch, and of two, are of one class."""
    shares, sizes = [], []
    kinds = np.unique([label for b in batches for label in _labels(b)])
    for batch in batches:
        labels = _labels(batch)
        if len(labels) >= _ROWS:
            shares.append([np.mean(labels == kind) for kind in kinds])
            sizes.append(len(labels))
    if len(shares) < _BATCHES or not 2 <= len(kinds) <= 1_000:
        return np.nan, np.nan
    table = np.array(shares) @ np.array(shares).T
    apart = ~np.eye(len(table), dtype=bool)
    return float(np.diag(table).mean()), float(table[apart].mean())


def _labels(batch: BatchRows) -> np.ndarray:
    """Returns the classes of the rows of a batch; none where rows have several."""
    if len(batch.targets) != 1 or len(batch.targets[0].shape) > 1:
        return np.empty(0)
    y = batch.targets[0].values
    if y.shape[1] > 1:
        return y.argmax(axis=1) if (y.sum(axis=1) == 1).all() else np.empty(0)
    whole_numbers = np.isfinite(y).all() and (y == np.round(y)).all()
    return y[:, 0] if whole_numbers else np.empty(0)


def _is_right(observations: Observations) -> bool:
    """Returns whether a validation accuracy says that the order does no harm."""
    chance = observations.outcome.chance
    return any(
        len(values) and values[-1] > chance + 0.5 * (1.0 - chance)
        for name, values in observations.epochs.items()
        if name.startswith("val_") and name.endswith(_ACCURACIES)
    )


def imbalanced_classes(observations: Observations) -> Iterator[Finding]:
    """One class is so frequent that always to name it looks like success.

    References:
        He & Garcia (2009), "Learning from imbalanced data"; SageMaker Debugger's
        ClassImbalance.
    """
    outputs, batches = observations.structure.outputs, observations.recent
    if len(outputs) != 1 or outputs[0].loss not in CLASSIFICATION:
        return
    metrics = [name for name in outputs[0].metrics if name != "compile_metrics"]
    judged = [name for name in metrics if name.endswith(_ACCURACIES)]
    if not judged or len(judged) < len(metrics) or not is_long(observations):
        return
    y, predictions = targets_of(batches), predictions_of(batches)
    if y is None or predictions is None or any(batch.weighted for batch in batches):
        return
    if len(y) != len(predictions) or any(len(b.targets[0].shape) > 1 for b in batches):
        return
    labels, named = _named(observations, y, predictions)
    if labels is None or named is None:
        return
    kinds, counts = np.unique(labels, return_counts=True)
    largest = kinds[counts.argmax()]
    rare = labels != largest
    if counts.max() < _LARGEST * len(labels) or rare.sum() < _RARE_ROWS:
        return
    if (named[rare] != largest).mean() > 0.02:
        return
    yield whole(
        observations,
        "imbalanced-classes",
        "warning",
        None,
        f"{1.0 - rare.mean():.0%} of the targets are of class {largest:g}, and of the "
        f"{rare.sum()} rows of other classes in the last batches the model names "
        f"{(named[rare] != largest).sum()}: it names class {largest:g} whatever it "
        "sees, and accuracy does not tell",
        "Weigh the classes, `class_weight={0: ..., 1: ...}` in `fit`, with weights of "
        "one over their shares, and look at a metric that tells: "
        '`metrics=[keras.metrics.AUC(), "recall"]`.',
        0.85,
    )


def _named(
    observations: Observations, y: np.ndarray, predictions: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Returns the classes of rows and those that the model names; `None` if unknown."""
    output = observations.structure.outputs[0]
    if not np.isfinite(predictions).all():
        return None, None
    if output.loss in BINARY:
        if y.shape[1] != 1 or predictions.shape[1] != 1:
            return None, None
        threshold = 0.0 if output.from_logits else 0.5
        return y[:, 0], (predictions[:, 0] > threshold).astype(float)
    if predictions.shape[1] < 2:
        return None, None
    named = predictions.argmax(axis=1).astype(float)
    if output.loss in SPARSE:
        return (y[:, 0], named) if y.shape[1] == 1 else (None, None)
    return y.argmax(axis=1).astype(float), named
