"""The rules about targets: what they are compared with, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.batch_arrays import inputs_of
from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.loss_names import CLASSIFICATION
from keras_extras.diagnostics.loss_names import SPARSE
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.finding import Finding

_ROWS = 128
_LOOKS_AHEAD = 0.01


def broadcast_loss(observations: Observations) -> Iterator[Finding]:
    """The loss compares each target with the predictions for all rows.

    Shapes `(rows,)` and `(rows, 1)` broadcast to `(rows, rows)`. Keras aligns them for
    functions and for losses of its own, not for a subclass of `Loss`.

    References:
        NumPy, "Broadcasting"; TheDeepChecker (Ben Braiek & Khomh, 2023), shapes of
        labels and predictions.
    """
    shapes = observations.forward.compared
    if shapes is None:
        return
    targets, predictions = (str(("rows", *shape[1:])) for shape in shapes)
    targets, predictions = targets.replace("'", ""), predictions.replace("'", "")
    yield whole(
        observations,
        "broadcast-loss",
        "error",
        None,
        f"the loss gets targets of shape {targets} and predictions of shape "
        f"{predictions}, and is another one when both have the same shape: each target "
        "is compared with predictions for other rows, too",
        "Bring both to one shape before they are compared, "
        "`y_true = ops.reshape(y_true, ops.shape(y_pred))`, or give `fit` targets of "
        "shape `(rows, 1)`: `y[:, None]`.",
        0.97,
    )


def target_equals_input(observations: Observations) -> Iterator[Finding]:
    """The targets are what the model is given, at the same place.

    For a language model that is a shift forgotten: it has learnt to copy.

    References:
        Bengio et al. (2003), "A neural probabilistic language model": the target is
        the next word.
    """
    outputs, batches = observations.structure.outputs, observations.batches
    if len(outputs) != 1 or outputs[0].loss not in SPARSE or len(batches) < 3:
        return
    if not observations.forward.copies or not all(map(_is_copy, batches)):
        return
    positions = batches[0].inputs[0].values.shape[1]
    yield whole(
        observations,
        "target-equals-input",
        "warning",
        None,
        f"in all rows that were sampled, the targets at all {positions} positions are "
        "the inputs at the same positions, and nothing keeps the model from copying "
        "them",
        "For a language model shift them by one: `x, y = tokens[:, :-1], "
        "tokens[:, 1:]`.",
        0.93,
    )


def _is_copy(batch: BatchRows) -> bool:
    if len(batch.inputs) != 1 or len(batch.targets) != 1:
        return False
    x, y = batch.inputs[0], batch.targets[0]
    sequences = x.dtype.startswith(("int", "uint")) and x.values.shape[1] >= 3
    varied = len(np.unique(x.values)) > 2
    return sequences and varied and np.array_equal(x.values, y.values)


def leaked_target(observations: Observations) -> Iterator[Finding]:
    """Columns of the inputs are the target, or the model sees what it is to predict.

    References:
        Kaufman et al. (2012), "Leakage in data mining: formulation, detection, and
        avoidance"; Vaswani et al. (2017), section 3.2.3, on the causal mask.
    """
    forward, ahead = observations.forward, observations.forward.looks_ahead
    # Random numbers, and rows that depend on each other, change predictions as well.
    if ahead > _LOOKS_AHEAD > max(forward.varies, forward.depends):
        yield _answers_seen(observations, ahead)
        return
    outputs, batches = observations.structure.outputs, observations.batches
    x, y = inputs_of(batches), targets_of(batches)
    if len(outputs) != 1 or outputs[0].loss not in CLASSIFICATION:
        return
    if x is None or y is None or len(x) != len(y) or len(x) < _ROWS or x.shape[1] < 4:
        return
    if any(len(batch.inputs) != 1 for batch in batches):
        return
    if any(len(batch.inputs[0].shape) != 1 for batch in batches):
        return  # in images made by a program a pixel may well tell the class
    found = _columns_that_tell(x, y)
    if not found:
        return
    columns = ", ".join(map(str, found[:5])) + (", ..." if len(found) > 5 else "")
    yield whole(
        observations,
        "leaked-target",
        "warning",
        None,
        f"in all {len(x)} rows that were sampled, column {columns} of the inputs alone "
        "tells the class: it has a value of its own for each",
        "If that is not known when predictions are wanted, leave it out: "
        "`np.delete(x, columns, axis=1)`.",
        0.9,
    )


def _answers_seen(observations: Observations, ahead: float) -> Finding:
    return whole(
        observations,
        "leaked-target",
        "error",
        None,
        "each target is the input that follows, and with other inputs in the second "
        f"half of a sequence the predictions in its first half change by {ahead:.2g} "
        "of the largest one: the model sees the answers",
        "Let no position see a later one: `use_causal_mask=True` in the call of an "
        'attention layer, `padding="causal"` for `Conv1D`, no `Bidirectional`.',
        0.96,
    )


def _columns_that_tell(x: np.ndarray, y: np.ndarray) -> list[int]:
    """Returns a column with a value for each class, or a column of flags for each."""
    classes = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
    kinds, counts = np.unique(classes, return_counts=True)
    if y.shape[1] > 1 and not (y.sum(axis=1) == 1).all():
        return []
    if not 2 <= len(kinds) <= 50 or counts.min() < 5:
        return []
    low = np.stack([x[classes == k].min(axis=0) for k in kinds])
    high = np.stack([x[classes == k].max(axis=0) for k in kinds])
    fixed = low == high
    if fixed.all(axis=0).sum() == x.shape[1]:
        return []  # there is nothing else: rows made by a program
    one = [
        int(c)
        for c in np.flatnonzero(fixed.all(axis=0))
        if len(np.unique(low[:, c])) == len(kinds)
    ]
    if one:
        return one
    flags = []
    for place in range(len(kinds)):
        others = np.arange(len(kinds)) != place
        rest = low[others].min(axis=0) == high[others].max(axis=0)
        apart = fixed[place] & rest & (low[place] != low[others][0])
        if not apart.any():
            return []
        flags.append(int(np.flatnonzero(apart)[0]))
    return flags
