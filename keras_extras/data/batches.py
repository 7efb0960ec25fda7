"""Batches of a model's inputs, from whatever `predict` takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def is_dataset(x: Any) -> bool:
    """Returns whether `x` comes in batches of its own."""
    return (
        isinstance(x, keras.utils.PyDataset) or _is_tf_dataset(x) or is_torch_loader(x)
    )


def is_generator(x: Any) -> bool:
    """Returns whether `x` yields batches one by one, and once only."""
    return isinstance(x, Iterator) and not keras.ops.is_tensor(x)


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
    flat = flat_of(arrays)
    if not flat:
        raise ValueError(f"`x` must hold arrays. Received: x={x!r}")
    lengths = [a.shape[0] if len(a.shape) else -1 for a in flat]
    if min(lengths) < 1 or len(set(lengths)) > 1:
        raise ValueError(
            "`x` must have at least one row, and the same number in each part. "
            f"Received: shapes {[tuple(a.shape) for a in flat]}"
        )
    return arrays


def flat_of(arrays: Any) -> list[Any]:
    """Returns the arrays of a structure, none for inputs that are `None`."""
    return [array for array in keras.tree.flatten(arrays) if array is not None]


def _array(x: Any) -> Any:
    if x is None:  # an optional input
        return None
    if keras.ops.is_tensor(x):
        return _dense(x)
    if hasattr(x, "toarray") and hasattr(x, "tocsr"):  # of SciPy
        x = x.toarray()
    if hasattr(x, "row_splits") or hasattr(x, "nested_row_splits"):
        raise ValueError(
            "`x` must not be ragged: pad its rows to one length, and mask them. "
            f"Received: {type(x).__name__}"
        )
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"`x` must be made of arrays. Received: {error}") from None
    if array.dtype == np.float64:
        return array.astype(keras.config.floatx())
    if array.dtype == object or array.dtype.kind in "US":
        try:
            return keras.ops.convert_to_tensor(array)
        except (TypeError, ValueError):
            raise ValueError(
                "`x` must hold numbers or strings, in arrays whose rows are of one "
                f"shape. Received: dtype {array.dtype}, shape {array.shape}"
            ) from None
    return array


def _dense(tensor: Any) -> Any:
    """Returns a sparse tensor of any backend as a dense one: layers take both."""
    if keras.utils.is_keras_tensor(tensor):
        raise ValueError(f"`x` must hold values. Received: {tensor!r}")
    name = type(tensor).__name__
    if "Ragged" in name:
        raise ValueError(
            "`x` must not be ragged: pad its rows to one length, and mask them. "
            f"Received: {name}"
        )
    sparse = "Sparse" in name or name.startswith(("BCOO", "JAXSparse"))
    if sparse or getattr(tensor, "is_sparse", False):
        return keras.ops.convert_to_tensor(tensor, sparse=False)
    return tensor


def rows_of(arrays: Any) -> int:
    """Returns the number of rows."""
    return int(flat_of(arrays)[0].shape[0])


def check_ends(x: Any, steps: int | None) -> None:
    """Raises `ValueError` for a dataset that is known to have no end, without steps."""
    if steps is None and is_dataset(x) and _has_no_end(x):
        raise ValueError(
            "`steps` must be given for a dataset without an end: the number of batches "
            f"to predict. Received: steps=None, x={x!r}"
        )


def _has_no_end(x: Any) -> bool:
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches is None
    return _is_tf_dataset(x) and int(x.cardinality()) == -1  # INFINITE_CARDINALITY


def count_batches(x: Any, batch_size: int | None) -> int | None:
    """Returns how many batches there will be, `None` if that is not known."""
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches
    if is_generator(x):
        return None
    if _is_tf_dataset(x):
        count = int(x.cardinality())
        return count if count >= 0 else None
    if is_torch_loader(x):
        return len(x) if hasattr(x.dataset, "__len__") else None
    return -(-rows_of(x) // (batch_size or 1))


def batches(x: Any, batch_size: int | None, steps: int | None = None) -> Iterator[Any]:
    """Yields batches of inputs, in order, without targets and weights.

    Args:
        x: Arrays, a dataset or a generator.
        batch_size: Number of rows of a batch, of arrays.
        steps: Number of batches, or `None` for all there are.
    """
    if isinstance(x, keras.utils.PyDataset):
        x.on_epoch_begin()
        count = x.num_batches if steps is None else steps
        for index in range(count):
            yield _inputs_of(x[index])
        x.on_epoch_end()
    elif is_dataset(x) or is_generator(x):
        for element in itertools.islice(x, steps):
            yield _inputs_of(element)
    else:
        size = batch_size or rows_of(x)
        firsts = range(0, rows_of(x), size)
        for first in itertools.islice(firsts, steps):
            yield slice_rows(x, slice(first, first + size))


def slice_rows(arrays: Any, rows: slice) -> Any:
    """Returns some rows of each array."""
    return keras.tree.map_structure(lambda a: None if a is None else a[rows], arrays)


def _inputs_of(element: Any) -> Any:
    return arrays_of(keras.utils.unpack_x_y_sample_weight(element)[0])
