"""Turns samples of one layout into the records that callbacks get."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras.backends.contract import BatchValues
from keras_extras.inspection import measures
from keras_extras.inspection.row_layout import RowLayout
from keras_extras.inspection.sample import Sample
from keras_extras.inspection.statistics import activations
from keras_extras.inspection.statistics import gradients
from keras_extras.inspection.statistics import limits
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.batch_tensor import BatchTensor
from keras_extras.records.step_records import StepRecords

_FIELDS = {
    measures.GRADIENTS: gradients.FIELDS,
    measures.LIMITS: limits.FIELDS,
    measures.ACTIVATIONS: activations.FIELDS,
}
_Table = dict[str, np.ndarray]

# A few rows are kept for the rules: a few hundred kilobytes, whatever the batch.
ROWS = 32
_FEATURES = 1024


def decode(samples: Sequence[Sample], optimizer: Any, replicas: int) -> StepRecords:
    """Returns the records of samples that have one layout.

    Args:
        samples: The samples.
        optimizer: The optimizer, for the limits at which it clips.
        replicas: Number of replicas that train the model.
    """
    layout = samples[0].layout
    scale = np.array([[sample.loss_scale] for sample in samples])
    statistics: _Table = {}
    scalars: _Table = {}
    with np.errstate(all="ignore"):
        if measures.GRADIENTS in samples[0].blocks:
            fields = _fields(samples, measures.GRADIENTS)
            statistics |= gradients.statistics(fields, layout, scale)
            scalars |= gradients.scalars(fields, layout, scale, optimizer, replicas)
        if measures.LIMITS in samples[0].blocks:
            statistics |= limits.statistics(_fields(samples, measures.LIMITS), layout)
        if measures.ACTIVATIONS in samples[0].blocks:
            fields = _fields(samples, measures.ACTIVATIONS)
            statistics |= activations.statistics(fields, layout.activations)
    return StepRecords(
        steps=np.array([sample.step for sample in samples], np.int64),
        layers=tuple(layer.info.name for layer in layout.layers),
        statistics=statistics,
        scalars=scalars,
        hyperparameters=_hyperparameters(samples),
        histograms=_histograms(samples, layout, scale),
    )


def decode_batch(step: int, batch: BatchValues) -> BatchRows:
    """Returns a few rows of a batch, as the rules see them."""
    tensors = {
        kind: tuple(
            BatchTensor(_features(values[: min(batch.rows, ROWS)]), shape, dtype)
            for values, shape, dtype in found
        )
        for kind, found in batch.tensors.items()
    }
    return BatchRows(
        step=step,
        loss=batch.loss,
        penalty=batch.penalty,
        inputs=tensors["x"],
        targets=tensors["y"],
        predictions=tensors["y_pred"],
        weighted=batch.weighted,
    )


def _features(rows: np.ndarray) -> np.ndarray:
    """Returns rows flattened; of very many features an evenly spaced part, as a copy.

    The array may be a view on memory of the step, which it would keep alive.
    """
    # Not -1, which has no meaning for a batch without rows.
    flat = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    if flat.shape[1] > _FEATURES:
        flat = flat[:, :: flat.shape[1] // _FEATURES][:, :_FEATURES]
    return np.array(flat, np.float32)


def _fields(samples: Sequence[Sample], family: str) -> _Table:
    table = np.stack([sample.blocks[family] for sample in samples])
    return dict(zip(_FIELDS[family], np.moveaxis(table, 2, 0)))


def _hyperparameters(samples: Sequence[Sample]) -> _Table:
    names = samples[0].hyperparameters
    return {
        name: np.array([s.hyperparameters.get(name, np.nan) for s in samples])
        for name in names
    }


def _histograms(
    samples: Sequence[Sample], layout: RowLayout, scale: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    found = {}
    for kind, layers in (
        (measures.GRADIENT_HISTOGRAMS, layout.trained),
        (measures.ACTIVATION_HISTOGRAMS, layout.layers),
    ):
        if kind in samples[0].histograms:
            table = np.stack([sample.histograms[kind] for sample in samples])
            if kind == measures.GRADIENT_HISTOGRAMS:
                table[:, :, :2] /= scale[:, None]
            names = [layer.info.name for layer in layers]
            found[kind.split()[0]] = dict(zip(names, table.swapaxes(0, 1)))
    return found
