"""Checks of what users pass."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.uncertainty.stochastic import random_layers


def check_samples(samples: Any, tolerance: Any, return_samples: bool) -> None:
    """Raises `ValueError` unless this number of samples can be drawn as asked for."""
    if samples is None:
        raise ValueError("`samples` must be an integer >= 2. Received: samples=None")
    try:
        checks.check_count("samples", samples, least=2)
    except ValueError:
        raise ValueError(
            "`samples` must be an integer >= 2: one sample has no spread. "
            f"Received: samples={samples!r}"
        ) from None
    if tolerance is None:
        return
    checks.check_positive("tolerance", tolerance)
    if return_samples:
        raise ValueError(
            "`return_samples` must be False with `tolerance`: batches may have "
            "different numbers of samples. Received: return_samples=True, "
            f"tolerance={tolerance!r}"
        )


def check_no_batch_size(batch_size: Any) -> None:
    """Raises `ValueError` if a dataset is given a batch size."""
    if batch_size is not None:
        raise ValueError(
            "`batch_size` must be None for a dataset, which has batches of its own. "
            f"Received: batch_size={batch_size!r}"
        )


def check_model(model: Any) -> None:
    """Raises `ValueError` unless it is a Keras model with its weights."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a `keras.Model`. Received: model={model!r}")
    if not model.built:
        raise ValueError(
            "`model` must be built: train it, load weights, or call it on a batch. "
            f"Received: model={model!r}, which has no weights yet"
        )


def check_something_random(model: Any, chosen: list[Any]) -> None:
    """Raises `ValueError` if no chosen layer makes one sample differ from another."""
    if not random_layers(model, chosen):
        raise ValueError(
            "`model` must have at least one layer that drops or adds noise, with a "
            "rate above 0: Dropout and its relatives, GaussianNoise, or a recurrent "
            "or attention layer with `dropout`. Without one, all samples are equal. "
            "Name layers of your own in `layers`. "
            f"Received: model={model!r}"
        )


def check_lengths(x: Any, y: Any) -> None:
    """Raises `ValueError` unless there is a target for each input."""
    lengths = []
    for name, value in (("x", x), ("y", y)):
        parts = keras.tree.flatten(value)
        if not parts or not all(len(np.shape(part)) for part in parts):
            raise ValueError(
                f"`{name}` must be an array, or a list, tuple or dict of them. "
                f"Received: {name}={value!r}"
            )
        lengths += [len(part) for part in parts]
    if len(set(lengths)) != 1 or not lengths[0]:
        raise ValueError(
            "`x` and `y` must have the same number of rows. Received: "
            f"{sorted(set(lengths))}"
        )
