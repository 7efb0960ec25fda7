"""Asks the loss of a model whether the shape of the targets makes a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras.backends.load_dry_inference import load_dry_inference
from keras_extras.keras_internals.dry_scope import DryScope
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.batch_tensor import BatchTensor

Shapes = tuple[tuple[int, ...], tuple[int, ...]]


def shapes_broadcast(model: Any, batches: Sequence[BatchRows]) -> Shapes | None:
    """Returns shapes of targets and predictions that the loss broadcasts.

    The loss of the same rows is computed with the targets as they are, and in the shape
    of the predictions: if these differ, each target was compared with predictions for
    other rows, too.
    """
    usable = [b for b in batches if len(b.targets) == len(b.predictions) == 1]
    if not usable:
        return None
    targets, predictions = usable[0].targets[0], usable[0].predictions[0]
    y, y_pred = _whole(targets), _whole(predictions)
    if y is None or y_pred is None or len(y) != len(y_pred) or len(y) < 2:
        return None
    if y.shape != (*y_pred.shape, 1) and y_pred.shape != (*y.shape, 1):
        return None
    x = _whole(usable[0].inputs[0]) if len(usable[0].inputs) == 1 else None
    if x is None and type(model).compute_loss is not keras.Model.compute_loss:
        return None
    try:
        as_it_is, again, aligned = _losses(model, x, y, y_pred)
    except Exception:  # it may want arguments of its own
        return None
    same = abs(as_it_is - aligned) <= 1e-3 * max(abs(as_it_is), abs(aligned))
    if as_it_is != again or same or not math.isfinite(as_it_is - aligned):
        return None
    return y.shape, y_pred.shape


def _whole(tensor: BatchTensor) -> np.ndarray | None:
    """Returns all rows in the shape and type that they had, if nothing is lost."""
    sizes = [n for n in tensor.shape if n is not None]
    if len(sizes) != len(tensor.shape) or math.prod(sizes) != tensor.values.shape[1]:
        return None
    return tensor.values.reshape(len(tensor.values), *sizes).astype(tensor.dtype)


def _losses(
    model: Any, x: np.ndarray | None, y: np.ndarray, y_pred: np.ndarray
) -> list[float]:
    own = {} if x is None else {"x": x}
    arrays = [*own.values(), y, y_pred, y.reshape(y_pred.shape)]

    def function(*tensors: Any) -> list[Any]:
        *inputs, as_it_is, predictions, aligned = tensors
        given = dict(zip(own, inputs))
        with DryScope():
            return [
                keras.ops.mean(
                    model.compute_loss(
                        **given, y=targets, y_pred=predictions, sample_weight=None
                    )
                )
                for targets in (as_it_is, as_it_is, aligned)
            ]

    return [float(each) for each in load_dry_inference()(model, function, arrays)]
