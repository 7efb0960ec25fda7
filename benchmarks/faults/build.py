"""Short ways to write down a set-up."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from faults.case import JIT
from faults.case import Setup
from faults.data import Split

BINARY = "binary_crossentropy"
SPARSE = "sparse_categorical_crossentropy"
ONE_HOT = "categorical_crossentropy"


def chain(shape: tuple[int, ...], *layers: Any) -> Any:
    """Returns the layers as a sequential model for inputs of `shape`."""
    return keras.Sequential([keras.Input(shape), *layers])


def dense(
    features: int,
    widths: tuple[int, ...],
    outputs: int,
    output: Any = None,
    activation: Any = "relu",
    **arguments: Any,
) -> Any:
    """Returns a net of dense layers; `arguments` go to the hidden ones."""
    hidden = [keras.layers.Dense(n, activation, **arguments) for n in widths]
    return chain((features,), *hidden, keras.layers.Dense(outputs, output))


def ready(
    model: Any,
    data: Split,
    loss: Any,
    optimizer: Any = "adam",
    epochs: int = 10,
    batch: int | None = 32,
    metrics: Any = ("accuracy",),
    validate: bool = True,
    compiled: dict[str, Any] | None = None,
    **fit: Any,
) -> Setup:
    """Compiles and returns the set-up.

    Args:
        model: The model.
        data: Training and validation data.
        loss: As in `compile`.
        optimizer: As in `compile`.
        epochs: Integer.
        batch: Integer, batch size.
        metrics: As in `compile`.
        validate: Whether the training sees the validation data.
        compiled: Further arguments of `compile`.
        **fit: Further arguments of `fit`.
    """
    metrics = list(metrics) if isinstance(metrics, tuple) else metrics
    model.compile(
        optimizer=optimizer,
        loss=loss,
        metrics=metrics,
        jit_compile=JIT,
        **(compiled or {}),
    )
    (x, y), held_out = data
    fit = {"epochs": epochs, "batch_size": batch, **fit}
    if validate:
        fit.setdefault("validation_batch_size", 512)  # saves a third of the time
    return Setup(model, x, y, held_out if validate else None, fit)


def said_of(model: Any, x: Any) -> Any:
    """Returns outputs for `x` as arrays, without compiling a function for it."""
    said = model(keras.tree.map_structure(ops.convert_to_tensor, x), training=False)
    return keras.tree.map_structure(ops.convert_to_numpy, said)
