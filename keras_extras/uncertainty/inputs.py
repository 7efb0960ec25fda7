"""Checks of inputs: what a model can take, and what its statistics can."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras.data.batches import flat_of
from keras_extras.keras_internals.graph import functional_of
from keras_extras.keras_internals.graph import input_structure
from keras_extras.keras_internals.graph import is_optional


def fixed_batch_size(model: Any) -> int | None:
    """Returns the number of rows that the model is built for, if it is."""
    functional = functional_of(model)
    return functional.inputs[0].shape[0] if functional is not None else None


def as_model_takes(model: Any, batch: Any) -> Any:
    """Returns a dict by names of inputs as the list that a model is made with.

    Raises:
        ValueError: If an input is missing.
    """
    functional = functional_of(model)
    if functional is None or not isinstance(batch, dict):
        return batch
    structure = input_structure(functional)
    if isinstance(structure, dict):
        return batch
    names = [tensor.name for tensor in keras.tree.flatten(structure)]
    missing = set(names) - set(batch)
    if missing:
        raise ValueError(f"`x` must have the keys {names}. Received: {sorted(batch)}")
    return keras.tree.pack_sequence_as(structure, [batch[name] for name in names])


def shapes_that_vary(model: Any, batch: Any) -> list[tuple[int | None, ...]]:
    """Returns the shape of each array without its rows, `None` where it may vary.

    What is compiled for a Functional model takes batches of all lengths that the model
    takes.
    """
    functional = functional_of(model)
    flat = keras.tree.flatten(batch)
    expected = [None] * len(flat)
    if functional is not None:
        structure = input_structure(functional)
        if isinstance(structure, dict) and isinstance(batch, dict):
            expected = [structure.get(key) for key in sorted(batch)]
        elif len(functional.inputs) == len(flat):
            expected = list(functional.inputs)
    return [
        _shape_that_varies(array, symbolic)
        for array, symbolic in zip(flat, expected)
        if array is not None
    ]


def _shape_that_varies(array: Any, symbolic: Any) -> tuple[int | None, ...]:
    shape = tuple(array.shape[1:])
    if symbolic is None or len(symbolic.shape) != len(array.shape):
        return shape
    return tuple(
        None if own is None else size for own, size in zip(symbolic.shape[1:], shape)
    )


def check_inputs(model: Any, batch: Any, first_row: int) -> None:
    """Raises `ValueError` if the model cannot take a batch, or it holds NaN.

    Args:
        model: The model.
        batch: Arrays in the structure of its inputs.
        first_row: Number of the batch's first row among all rows.
    """
    check_shapes(model, batch)
    functional = functional_of(model)
    inputs = [] if functional is None else functional.inputs
    takes_numbers = bool(inputs) and all(t.dtype != "string" for t in inputs)
    for array in flat_of(batch):
        kind = keras.backend.standardize_dtype(array.dtype)
        if kind == "string" and takes_numbers:
            raise ValueError(
                "`x` must hold numbers, which the model takes. Received: strings"
            )
        if "float" in kind:
            _check_numbers(array, first_row)


def check_shapes(model: Any, batch: Any, rows: int | None = None) -> None:
    """Raises `ValueError` if a Functional model cannot take arrays of such shapes.

    Args:
        model: The model.
        batch: Arrays in the structure of its inputs.
        rows: Of how many rows `batch` holds the first ones. Defaults to its own.
    """
    functional = functional_of(model)
    if functional is not None:
        _check_shapes(functional, batch, rows)


def _check_shapes(functional: Any, batch: Any, rows: int | None) -> None:
    # Built with a batch, its first axis is that batch's size: Keras takes any.
    expected = {t.name: (None, *t.shape[1:]) for t in functional.inputs}
    named = input_structure(functional)
    if isinstance(batch, dict) and isinstance(named, dict):
        missing = set(named) - set(batch)
        if missing:
            raise ValueError(
                f"`x` must have the keys {sorted(named)}. Received: {sorted(batch)}"
            )
        given = {t.name: batch[k] for k, t in named.items()}
    else:
        flat = keras.tree.flatten(batch)
        if len(flat) != len(expected):
            raise ValueError(
                f"`x` must have {len(expected)} part(s), one for each input of the "
                f"model: {list(expected)}. Received: {len(flat)} part(s)"
            )
        given = dict(zip(expected, flat))
    for name, array in given.items():
        if array is None:
            _check_optional(functional, name)
            continue
        shape = tuple(array.shape)
        if not _fits(shape, expected[name]):
            shape = shape if rows is None else (rows, *shape[1:])
            raise ValueError(
                f"`x` must have the shape {expected[name]} for the model's input "
                f"{name!r}. Received: shape {shape}"
            )


def _check_optional(functional: Any, name: str) -> None:
    if not is_optional(functional, name):
        raise ValueError(
            f"`x` must have a value for the model's input {name!r}, which is not "
            "optional. Received: None"
        )


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        shape = (*shape, 1)  # Keras adds this axis
    elif len(shape) == len(expected) + 1 and shape[-1] == 1:
        shape = shape[:-1]  # and removes that one
    if len(shape) != len(expected):
        return False
    return all(e in (None, s) for s, e in zip(shape, expected))


def _check_numbers(array: Any, first_row: int) -> None:
    values = keras.ops.convert_to_numpy(array)
    # A sum is quicker than a look at each number, and NaN where one of them is.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum(dtype=np.float32)):
            return
    bad = np.isnan(values.astype(np.float32)).reshape(len(values), -1).any(axis=1)
    if bad.any():
        raise ValueError(
            "`x` must not hold NaN: statistics of it would be NaN too. Received: NaN "
            f"in {bad.sum()} of {len(bad)} rows of a batch, the first one row "
            f"{first_row + int(bad.argmax())} of `x`"
        )
