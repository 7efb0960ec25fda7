"""Reads the moving statistics of the batch normalisations of a model."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import keras
import numpy as np

from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.keras_internals.read_scope import ReadScope
from keras_extras.records.moving_statistics import MovingStatistics


def read_moving_statistics(
    model: Any, scope: ReadScope
) -> tuple[MovingStatistics, ...]:
    """Returns the statistics that a call in inference has read, within a scope."""
    names = {
        each.info.name
        for each in find_layers(model)
        if isinstance(each.layer, keras.layers.BatchNormalization)
        and id(getattr(each.layer, "moving_mean", None)) in scope.read
    }
    return moving_statistics_of(model, names)


def moving_statistics_of(
    model: Any, names: Collection[str]
) -> tuple[MovingStatistics, ...]:
    """Returns the statistics of the layers of these names as they are now."""
    return tuple(
        MovingStatistics(
            layer=each.info.name,
            momentum=float(each.layer.momentum),
            mean=_values(each.layer.moving_mean),
            variance=_values(each.layer.moving_variance),
            trains=bool(each.layer.trainable),
        )
        for each in find_layers(model)
        if each.info.name in names
    )


def _values(variable: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(variable).astype(np.float64)
