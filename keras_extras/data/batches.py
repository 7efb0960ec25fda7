"""Batches of a model's inputs, from whatever `predict` takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def is_dataset(x: Any) -> bool:
    """Returns whether `x` comes in batches of its own."""
    return (
        isinstance(x, keras.utils.PyDataset) or _is_tf_dataset(x) or is_torch_loader(x)
    )


def is_torch_loader(x: Any) -> bool:
    """Returns whether `x` is a `torch.utils.data.DataLoader`; imports no torch."""
    return any(
        base.__name__ == "DataLoader" and base.__module__.startswith("torch.utils.data")
        for base in type(x).__mro__
    )


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
    if is_torch_loader(x):
        return len(x) if hasattr(x.dataset, "__len__") else None
    return -(-rows_of(x) // (batch_size or 1))


def batches(x: Any, batch_size: int | None) -> Iterator[Any]:
    """Yields batches of inputs, in order, without targets and weights."""
    if isinstance(x, keras.utils.PyDataset):
        x.on_epoch_begin()
        for index in range(x.num_batches):
            yield _inputs_of(x[index])
        x.on_epoch_end()
    elif is_dataset(x):
        for element in x:
            yield _inputs_of(element)
    else:
        size = batch_size or rows_of(x)
        for first in range(0, rows_of(x), size):
            rows = slice(first, first + size)
            yield keras.tree.map_structure(lambda a, r=rows: a[r], x)


def _inputs_of(element: Any) -> Any:
    return arrays_of(keras.utils.unpack_x_y_sample_weight(element)[0])
