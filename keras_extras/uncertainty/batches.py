"""Batches of a model's inputs, from whatever `predict` takes, and their checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_extras.uncertainty.graph import functional_of


def is_dataset(x: Any) -> bool:
    """Whether `x` comes in batches of its own."""
    return isinstance(x, keras.utils.PyDataset) or _is_tf_dataset(x)


def _is_tf_dataset(x: Any) -> bool:
    return hasattr(x, "element_spec") and hasattr(x, "__iter__")


def arrays_of(x: Any) -> Any:
    """Returns `x` with an array or tensor at each place, floats as Keras has them.

    Raises:
        ValueError: If `x` is empty or its parts differ in length.
    """
    arrays = keras.tree.map_structure(_array, x)
    lengths = [a.shape[0] if len(a.shape) else -1 for a in keras.tree.flatten(arrays)]
    if not lengths or min(lengths) < 1 or len(set(lengths)) > 1:
        raise ValueError(
            "`x` must have at least one row, and the same number in each part. "
            f"Received: shapes {[tuple(a.shape) for a in keras.tree.flatten(arrays)]}"
        )
    return arrays


def _array(x: Any) -> Any:
    if keras.ops.is_tensor(x):
        return x
    array = np.asarray(x)
    if array.dtype == np.float64:
        return array.astype(keras.config.floatx())
    if array.dtype == object or array.dtype.kind in "US":
        return keras.ops.convert_to_tensor(array)
    return array


def fixed_batch_size(model: Any) -> int | None:
    """Returns the number of rows that the model is built for, if it is."""
    functional = functional_of(model)
    return functional.inputs[0].shape[0] if functional is not None else None


def rows_of(arrays: Any) -> int:
    """Returns the number of rows."""
    return int(keras.tree.flatten(arrays)[0].shape[0])


def count_batches(x: Any, batch_size: int | None) -> int | None:
    """Returns how many batches there will be, `None` if that is not known."""
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches
    if _is_tf_dataset(x):
        count = int(x.cardinality())
        return count if count >= 0 else None
    return -(-rows_of(x) // (batch_size or 1))


def batches(x: Any, batch_size: int | None) -> Iterator[Any]:
    """Yields batches of inputs, in order, without targets and weights."""
    if isinstance(x, keras.utils.PyDataset):
        x.on_epoch_begin()
        for index in range(x.num_batches):
            yield _inputs_of(x[index])
        x.on_epoch_end()
    elif _is_tf_dataset(x):
        for element in x:
            yield _inputs_of(element)
    else:
        size = batch_size or rows_of(x)
        for first in range(0, rows_of(x), size):
            rows = slice(first, first + size)
            yield keras.tree.map_structure(lambda a, r=rows: a[r], x)


def _inputs_of(element: Any) -> Any:
    return arrays_of(keras.utils.unpack_x_y_sample_weight(element)[0])


def check_inputs(model: Any, batch: Any, first_row: int) -> None:
    """Raises `ValueError` if the model cannot take a batch, or it holds NaN.

    Args:
        model: The model.
        batch: Arrays in the structure of its inputs.
        first_row: Number of the batch's first row among all rows.
    """
    functional = functional_of(model)
    if functional is not None:
        _check_shapes(functional, batch)
    for array in keras.tree.flatten(batch):
        kind = keras.backend.standardize_dtype(array.dtype)
        if "float" in kind:
            _check_numbers(array, first_row)


def _check_shapes(functional: Any, batch: Any) -> None:
    expected = {t.name: tuple(t.shape) for t in functional.inputs}
    if isinstance(batch, dict) and isinstance(functional._inputs_struct, dict):
        missing = set(functional._inputs_struct) - set(batch)
        if missing:
            raise ValueError(
                f"`x` must have the keys {sorted(functional._inputs_struct)}. "
                f"Received: {sorted(batch)}"
            )
        given = {t.name: batch[k] for k, t in functional._inputs_struct.items()}
    else:
        flat = keras.tree.flatten(batch)
        if len(flat) != len(expected):
            raise ValueError(
                f"`x` must have {len(expected)} part(s), one for each input of the "
                f"model: {list(expected)}. Received: {len(flat)} part(s)"
            )
        given = dict(zip(expected, flat))
    for name, array in given.items():
        shape = tuple(array.shape)
        if not _fits(shape, expected[name]):
            raise ValueError(
                f"`x` must have the shape {expected[name]} for the model's input "
                f"{name!r}. Received: shape {shape}"
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
