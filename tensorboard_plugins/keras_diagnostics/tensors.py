"""Decodes tensors of logs that anybody may have written.

TensorBoard's own decoder allocates what a shape asks for, whatever bytes there are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from tensorboard.compat.proto import types_pb2

_MOST_DIMENSIONS = 8
# For each type that we read: that of NumPy, and the field that holds single values.
_TYPES = {
    types_pb2.DT_FLOAT: ("<f4", "float_val"),
    types_pb2.DT_DOUBLE: ("<f8", "double_val"),
    types_pb2.DT_HALF: ("<f2", "half_val"),
    types_pb2.DT_BFLOAT16: ("<u2", "half_val"),
    types_pb2.DT_INT8: ("<i1", "int_val"),
    types_pb2.DT_INT16: ("<i2", "int_val"),
    types_pb2.DT_INT32: ("<i4", "int_val"),
    types_pb2.DT_INT64: ("<i8", "int64_val"),
    types_pb2.DT_UINT8: ("<u1", "int_val"),
    types_pb2.DT_UINT16: ("<u2", "int_val"),
    types_pb2.DT_UINT32: ("<u4", "uint32_val"),
    types_pb2.DT_UINT64: ("<u8", "uint64_val"),
    types_pb2.DT_BOOL: ("?", "bool_val"),
}


def numbers_of(tensor: Any) -> np.ndarray:
    """Returns the array of a `TensorProto`, or an array as it is.

    Raises:
        ValueError: If it has no numbers, or not as many as its shape asks for.
    """
    if isinstance(tensor, np.ndarray):
        if tensor.dtype.kind not in "fiub":
            raise ValueError("it holds no numbers")
        return tensor
    if tensor.dtype not in _TYPES:
        raise ValueError("it holds no numbers")
    shape = tuple(dimension.size for dimension in tensor.tensor_shape.dim)
    if len(shape) > _MOST_DIMENSIONS or min(shape, default=0) < 0:
        raise ValueError(f"it has the shape {shape}")
    kind, field = _TYPES[tensor.dtype]
    dtype = np.dtype(kind)
    held = getattr(tensor, field)
    count = len(tensor.tensor_content) // dtype.itemsize or len(held)
    if math.prod(shape) != count or len(tensor.tensor_content) % dtype.itemsize:
        raise ValueError(f"it has the shape {shape} and {count:,} values")
    if tensor.tensor_content:
        values = np.frombuffer(tensor.tensor_content, dtype)
    elif field == "half_val":
        values = np.array(held, np.uint16).view(dtype)
    else:
        values = np.array(held).astype(dtype)
    if tensor.dtype == types_pb2.DT_BFLOAT16:  # the upper half of a float
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return values.reshape(shape)


def bytes_of(tensor: Any) -> bytes:
    """Returns the bytes of a `TensorProto`, or an array, that holds one string.

    Raises:
        ValueError: If it does not.
    """
    if isinstance(tensor, np.ndarray):
        value = tensor.item() if tensor.size == 1 else None
        if not isinstance(value, bytes | str):
            raise ValueError("it is not one text")
        return value if isinstance(value, bytes) else value.encode("utf-8", "replace")
    if tensor.dtype != types_pb2.DT_STRING or len(tensor.string_val) != 1:
        raise ValueError("it is not one text")
    return bytes(tensor.string_val[0])


def number_of(value: Any) -> float:
    """Returns a float, or the one number of a tensor.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(value, float | int):
        return float(value)
    array = numbers_of(value)
    if array.size != 1:
        raise ValueError("it is not one number")
    return float(array.reshape(-1)[0])
