"""Describes the arrays of a `fit`: what only all rows can tell."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_extras.diagnostics import loss_names
from keras_extras.diagnostics.shared_rows import shared_rows
from keras_extras.diagnostics.structure import Output
from keras_extras.diagnostics.structure import Structure
from keras_extras.keras_internals.fit_arrays import FitArrays
from keras_extras.records.data_facts import DataFacts

_MOST_ROWS = 1_000_000
_MOST_CLASSES = 1_000
_ROWS, _FEW_COLUMNS = 128, 5
# Layers whose inputs are names, not quantities.
_NAMES = ("Embedding", "CategoryEncoding", "Hashing", "HashedCrossing", "IntegerLookup")


def data_facts(
    structure: Structure, training: FitArrays | None, validation: FitArrays | None
) -> DataFacts:
    """Returns what arrays show; nothing where `fit` was given something else."""
    if training is None:
        return DataFacts()
    scale, shift = inputs_compared(structure, training, validation)
    shared = shared_rows(training, validation)
    facts = DataFacts(
        scale=scale,
        shift=shift,
        rows=len(keras.tree.flatten(training.x)[0]),
        leaked=shared.share,
        leaked_rows=shared.number,
        repeated=shared.repeated,
    )
    y = _column(training.y) if len(structure.outputs) == 1 else None
    if y is None:
        return facts
    constant = np.nan
    if training.weights is not None:
        weights = np.asarray(training.weights, np.float64)
        if weights.shape in ((len(y),), (len(y), 1)):
            constant = weighted_constant(structure.outputs[0], y, weights.reshape(-1))
    missing, classes = _missing(y, validation)
    split = validation is not None and _is_split(training, validation)
    return dataclasses.replace(
        facts, constant=constant, missing=missing, missing_classes=classes, split=split
    )


def inputs_compared(
    structure: Structure, training: FitArrays, validation: FitArrays | None
) -> tuple[float, float]:
    """Returns scale and shift of validation inputs against those of the training."""
    if validation is None or any(spec.kind in _NAMES for spec in structure.layers):
        return 1.0, 0.0
    leaves = [keras.tree.flatten(each.x) for each in (training, validation)]
    if any(len(found) != 1 or found[0].dtype.kind not in "fiu" for found in leaves):
        return 1.0, 0.0
    some, other = (_columns(found[0]) for found in leaves)
    least = _ROWS if some.shape[1] < _FEW_COLUMNS else _ROWS // 4
    if some.shape[1] != other.shape[1] or min(len(some), len(other)) < least:
        return 1.0, 0.0
    middles = [np.median(values, axis=0) for values in (some, other)]
    spreads = [
        np.mean(np.abs(values - middle), axis=0)
        for values, middle in zip((some, other), middles)
    ]
    varied = (spreads[0] > 0) & (spreads[1] > 0)
    if not varied.any() or not np.isfinite(spreads).all():
        return 1.0, 0.0
    apart = np.abs(middles[1] - middles[0])[varied] / spreads[0][varied]
    ratios = spreads[1][varied] / spreads[0][varied]
    return float(np.median(ratios)), float(np.median(apart))


def _columns(inputs: np.ndarray) -> np.ndarray:
    """Returns some rows as numbers, of very many columns an evenly spaced part."""
    rows = inputs[:: max(len(inputs) // 1000, 1)]
    flat = rows.reshape(len(rows), -1)
    return flat[:, :: max(flat.shape[1] // 512, 1)].astype(np.float64)


def _column(targets: Any) -> np.ndarray | None:
    """Returns targets that are one number for each row."""
    leaves = keras.tree.flatten(targets)
    if len(leaves) != 1 or leaves[0] is None or leaves[0].dtype.kind not in "fiub":
        return None
    values = leaves[0]
    if not 0 < len(values) <= _MOST_ROWS:
        return None
    if values.ndim == 2 and values.shape[1] > 1:
        if values.shape[1] > _MOST_CLASSES or not _is_one_hot(values):
            return None
        return values.argmax(axis=1)
    return values.reshape(-1) if values.size == len(values) else None


def _is_one_hot(values: np.ndarray) -> bool:
    some = values[:: max(len(values) // 1000, 1)]
    return bool(np.isin(some, (0, 1)).all() and (some.sum(axis=1) == 1).all())


def weighted_constant(output: Output, y: np.ndarray, weights: np.ndarray) -> float:
    """Returns the loss of the best constant where some rows count more than others."""
    total = weights.sum()
    if not total > 0 or not np.isfinite(y).all() or (weights < 0).any():
        return np.nan
    count = output.weight * total / len(y)  # Keras divides by the number of rows
    if output.loss in loss_names.SQUARED:
        mean = np.average(y, weights=weights)
        return float(count * np.average(np.square(y - mean), weights=weights))
    sparse = output.loss in (*loss_names.SPARSE, loss_names.ENTROPY_OF_MANY)
    two = output.loss == loss_names.ENTROPY_OF_TWO and np.isin(y, (0, 1)).all()
    if output.smoothing or output.ignored is not None or not (sparse or two):
        return np.nan
    classes, place = np.unique(y, return_inverse=True)
    if len(classes) > min(_MOST_CLASSES, len(y) / 8):
        return np.nan
    shares = np.bincount(place.reshape(-1), weights) / total
    return float(-count * np.sum(shares * np.log(np.maximum(shares, 1e-12))))


def _missing(
    y: np.ndarray, validation: FitArrays | None
) -> tuple[float, tuple[float, ...]]:
    """Returns the share of validation rows of classes that no training row has."""
    held_out = None if validation is None else _column(validation.y)
    if held_out is None or not _are_classes(y) or not _are_classes(held_out):
        return 0.0, ()
    known = np.unique(y)
    if len(known) > min(_MOST_CLASSES, len(y) / 8):
        return 0.0, ()
    new = ~np.isin(held_out, known)
    return float(new.mean()), tuple(map(float, np.unique(held_out[new])[:5]))


def _are_classes(values: np.ndarray) -> bool:
    return bool((values == np.round(values)).all() and values.min() >= 0)


def _is_split(training: FitArrays, validation: FitArrays) -> bool:
    """Returns whether both are parts of one array, as `validation_split` makes them."""
    some, other = (keras.tree.flatten(each.x)[0] for each in (training, validation))
    return some.base is not None and some.base is other.base
