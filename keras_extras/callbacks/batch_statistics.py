"""The statistics of batch normalisation that belong to the weights of just now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_extras.backends.load_dry_inference import load_dry_inference
from keras_extras.keras_internals.dry_scope import DryScope
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.keras_internals.overrides import Overrides


def normalisations(model: Any) -> list[Any]:
    """Returns the layers whose moving statistics change in training."""
    return [
        layer
        for layer in sublayers(model)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]


def statistics_of(model: Any) -> list[Any]:
    """Returns the variables of these layers that hold moving statistics."""
    layers = [layer for layer in normalisations(model) if layer.built]
    return [v for layer in layers for v in (layer.moving_mean, layer.moving_variance)]


def batch_statistics(model: Any, batches: Iterable[Any]) -> list[np.ndarray]:
    """Returns the mean, over batches, of the statistics that training would see.

    The model is called as in training, dropout included, and nothing of it changes.

    Args:
        model: A model that is built.
        batches: The inputs of one or more batches.

    Returns:
        An array for each of `statistics_of(model)`.
    """
    variables = statistics_of(model)
    totals = [np.zeros(tuple(v.shape), np.float64) for v in variables]
    count = 0
    for batch in batches:
        for total, value in zip(totals, _statistics(model, variables, batch)):
            total += value
        count += 1
    return [total / count for total in totals]


def _statistics(model: Any, variables: list[Any], batch: Any) -> list[np.ndarray]:
    leaves = [np.asarray(leaf) for leaf in keras.tree.flatten(batch)]

    def call(*tensors: Any) -> list[Any]:
        with DryScope() as scope:
            model(keras.tree.pack_sequence_as(batch, list(tensors)), training=True)
            return [
                keras.ops.convert_to_tensor(scope.get_current_value(v))
                for v in variables
            ]

    momentum = Overrides()
    try:
        for layer in normalisations(model):
            # Nothing of the statistics before: what is written is those of the batch.
            momentum.set(layer, "momentum", 0.0)
        return load_dry_inference()(model, call, leaves)
    finally:
        momentum.restore()
