"""The rules about rows: those that are in two sets, and those that come again."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import steps_trained
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.finding import Finding

_SHARE, _ROWS = 0.05, 8
_WORSE = -0.1  # than a constant prediction
_BATCHES, _STEPS = 6, 20


def leaked_rows(observations: Observations) -> Iterator[Finding]:
    """Rows of the validation data are rows of the training data, bit for bit.

    References:
        Kaufman et al. (2012), "Leakage in data mining"; Elangovan et al. (2021),
        "Memorization vs. generalization", on overlap of published sets.
    """
    data = observations.data
    if data.leaked < _SHARE or data.leaked_rows < _ROWS:
        return
    if data.repeated > 0.2 * data.leaked:
        return  # equal rows are usual there
    if observations.outcome.skill < _WORSE:
        return  # they flatter what was learnt, and explain no failure
    yield whole(
        observations,
        "leaked-rows",
        "warning",
        None,
        f"{data.leaked:.0%} of the validation rows that were compared "
        f"({data.leaked_rows}) are rows of the training data, in all columns; of the "
        f"training rows {data.repeated:.0%} are there twice",
        "Remove duplicates before the data are split, `np.unique(x, axis=0, "
        "return_index=True)`, and copy rare rows, or augment, after it.",
        0.93,
    )


def repeated_data(observations: Observations) -> Iterator[Finding]:
    """The same batch, or two of them, comes again and again within an epoch.

    References:
        TensorFlow, `tf.data.Dataset`, on `take`, `cache` and `repeat`; TrainCheck
        (Jiang et al., 2025).
    """
    if observations.data.rows or not observations.outcome.is_known:
        return  # of arrays, Keras takes each row once
    epochs = max(map(len, observations.epochs.values()), default=0)
    steps = steps_trained(observations)
    if not epochs or steps < _STEPS * epochs:
        return
    batches = _of_one_epoch(observations, steps / epochs)
    kinds = [_fingerprint(batch) for batch in batches]
    if len(batches) < _BATCHES or not all(map(_are_distinct, batches)):
        return
    distinct = len({frozenset(kind) for kind in kinds})
    rows = len(set().union(*kinds))
    most = 2 * max(map(len, kinds))
    if rows > most or rows < _ROWS:
        return
    yield whole(
        observations,
        "repeated-data",
        "warning",
        None,
        f"{len(batches)} batches of one epoch were sampled, which has "
        f"{steps / epochs:.0f} steps, and their first rows are {distinct} different "
        f"sets of rows: {rows} rows come again and again",
        "Look at what yields the batches: `dataset.take(1).repeat()`, a generator that "
        "does not move on, an index that is not used.",
        0.9,
    )


def _of_one_epoch(observations: Observations, length: float) -> list[BatchRows]:
    """Returns the batches of the epoch of which most were sampled."""
    start = int(observations.steps[0]) if len(observations.steps) else 0
    by_epoch: dict[int, dict[int, BatchRows]] = {}
    for batch in observations.batches:
        place = int((batch.step - start) // length)
        by_epoch.setdefault(place, {})[batch.step] = batch
    found = max(by_epoch.values(), key=len, default={})
    return [found[step] for step in sorted(found)]


def _fingerprint(batch: BatchRows) -> set[bytes]:
    return set(_rows(batch))


def _rows(batch: BatchRows) -> Sequence[bytes]:
    columns = [tensor.values for tensor in batch.inputs]
    if not columns or len({len(each) for each in columns}) > 1:
        return []
    rows = np.ascontiguousarray(np.concatenate(columns, axis=1))
    return [row.tobytes() for row in rows]


def _are_distinct(batch: BatchRows) -> bool:
    """Returns whether rows are hardly ever equal by chance."""
    rows = _rows(batch)
    return len(rows) >= 4 and len(set(rows)) >= 0.9 * len(rows)
