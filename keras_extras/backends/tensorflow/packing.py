"""Lays tensors of one shape on top of each other, in a graph or one by one.

A training step of a deep network returns some hundred small arrays; each costs more
to hand over and to reduce than to compute.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_extras.backends.contract import Stack

_SMALL = 65_536  # elements; copying what is larger costs more than it saves
_SMALL_ROW = 8_192  # elements of one example's output


class Packed(NamedTuple):
    """Tensors in groups: `lengths` are the rows of each member, where they vary."""

    members: tuple[tuple[int, ...], ...]
    values: tuple[Any, ...]
    lengths: tuple[Any, ...] = ()


def pack(tensors: Sequence[tuple[int, Any]]) -> Packed:
    """Packs numbered tensors whose shapes are known, as they are, flattened."""
    groups: dict[Any, list[tuple[int, Any]]] = {}
    for number, tensor in tensors:
        size = tensor.shape.num_elements()
        small = size is not None and size <= _SMALL
        key = (size, tensor.dtype) if small else (None, number)
        groups.setdefault(key, []).append((number, tensor))
    values = [_stack([t for _, t in group]) for group in groups.values()]
    return Packed(_members(groups), tuple(values))


def pack_variables(variables: Sequence[Any]) -> Packed:
    """Packs the values of variables as they are now."""
    values = [as_float(read(local_value(variable))) for variable in variables]
    return pack(list(enumerate(values)))


def local_value(variable: Any) -> Any:
    """Returns what holds the values of a Keras variable, the first of replicas'."""
    value = getattr(variable, "_value", variable)
    if isinstance(value, tf.distribute.DistributedValues):
        return value.values[0]
    return value


def read(variable: Any) -> Any:
    """Returns the value of a variable."""
    # `variable.value()` copies on the device first, which takes longer than the rest.
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)


def pack_outputs(tensors: Sequence[Any]) -> Packed:
    """Packs what layers return: the last axis are the units, all others are rows.

    How many rows a call has is known when it runs: two towers of a model may see
    batches of different sizes.
    """
    in_graph = not tf.executing_eagerly()
    groups: dict[Any, list[tuple[int, Any]]] = {}
    for number, tensor in enumerate(tensors):
        # Each operation that is run by itself takes a hundred times as long as a view.
        flat, units = _rows_and_units(tensor) if in_graph else _view(to_numpy(tensor))
        row = math.prod(size or _SMALL_ROW for size in tensor.shape[1:])
        small = units is not None and row < _SMALL_ROW
        key = units if small else ("alone", number)
        groups.setdefault(key, []).append((number, flat))
    values = [_join([t for _, t in group]) for group in groups.values()]
    lengths = [
        _lengths([t for _, t in group]) if len(group) > 1 else ()
        for group in groups.values()
    ]
    return Packed(_members(groups), tuple(values), tuple(lengths))


def unpack(packed: Packed) -> tuple[Stack, ...]:
    """Returns the groups as arrays, on the host."""
    return tuple(
        Stack(members, to_numpy(values).reshape(len(members), -1))
        for members, values in zip(packed.members, packed.values)
    )


def unpack_outputs(packed: Packed) -> tuple[Stack, ...]:
    """Returns the groups as arrays of shape `(members, rows, units)`, on the host."""
    stacks: list[Stack] = []
    for members, values, lengths in zip(*packed):
        array = to_numpy(values)
        if len(members) == 1:
            stacks.append(Stack(members, array[None]))
            continue
        rows = to_numpy(lengths)
        if (rows == rows[0]).all():
            whole = array.reshape(len(members), int(rows[0]), array.shape[-1])
            stacks.append(Stack(members, whole))
            continue
        parts = np.split(array, np.cumsum(rows)[:-1])
        stacks += [Stack((m,), part[None]) for m, part in zip(members, parts)]
    return tuple(stacks)


def to_numpy(tensor: Any) -> np.ndarray:
    """Returns a tensor as an array; on the CPU both share the memory."""
    try:
        return np.asarray(memoryview(tensor))
    except (BufferError, TypeError, ValueError):  # on another device
        return np.asarray(tensor.numpy())


def as_float(tensor: Any) -> Any:
    """Returns a tensor as float32."""
    return tensor if tensor.dtype == tf.float32 else tf.cast(tensor, tf.float32)


def first_rows(tensor: Any, rows: int) -> Any:
    """Returns a few rows of a tensor, as float32."""
    if tf.executing_eagerly():  # three operations would take ten times as long
        return to_numpy(tensor)[:rows].astype(np.float32)
    return as_float(tensor[:rows])


def _members(groups: dict[Any, list[tuple[int, Any]]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(number for number, _ in group) for group in groups.values())


def _stack(tensors: list[Any]) -> Any:
    if len(tensors) == 1:
        return tensors[0]
    if tf.executing_eagerly():
        return np.stack([to_numpy(tensor).ravel() for tensor in tensors])
    return tf.stack([tf.reshape(tensor, (-1,)) for tensor in tensors])


def _join(tensors: list[Any]) -> Any:
    if len(tensors) == 1:
        return tensors[0]
    if isinstance(tensors[0], np.ndarray):
        return np.concatenate(tensors)
    return tf.concat(tensors, axis=0)


def _lengths(tensors: list[Any]) -> Any:
    if isinstance(tensors[0], np.ndarray):
        return np.array([len(t) for t in tensors])
    return tf.stack([tf.shape(t)[0] for t in tensors])


def _view(array: np.ndarray) -> tuple[np.ndarray, int]:
    if array.ndim < 2:
        return array.reshape(array.size, 1), 1
    *rows, units = array.shape
    return array.reshape(math.prod(rows), units), units


def _rows_and_units(tensor: Any) -> tuple[Any, int | None]:
    rank = tensor.shape.rank
    if rank is None:
        return tf.reshape(tensor, (1, -1)), None
    if rank < 2:
        return tf.reshape(tensor, (-1, 1)), 1
    units = tensor.shape[-1]
    if rank == 2:
        return tensor, units
    return tf.reshape(tensor, (-1, tf.shape(tensor)[-1])), units
