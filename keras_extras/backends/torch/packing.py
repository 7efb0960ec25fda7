"""Takes tensors to the host, and lays those of one shape on top of each other.

A step of a deep network has some hundred small tensors; each costs more to reduce by
itself than its values are worth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from keras_extras.backends.contract import Stack

_SMALL = 65_536  # elements; copying what is larger costs more than it saves
_SMALL_ROW = 8_192  # elements of one example's output


def to_arrays(tensors: Iterable[torch.Tensor]) -> list[np.ndarray]:
    """Returns tensors as arrays of float32; on the CPU they share the memory.

    From another device the small ones come together: each transfer waits for it.
    """
    found = [tensor.detach() for tensor in tensors]
    small = [t for t in found if not t.is_cpu and t.numel() <= _SMALL]
    if len(small) > 1:
        flat = torch.cat([t.float().reshape(-1) for t in small]).cpu()
        parts = iter(flat.split([t.numel() for t in small]))
        found = [next(parts).reshape(t.shape) if _among(t, small) else t for t in found]
    return [t.float().cpu().resolve_neg().numpy() for t in found]


def _among(tensor: torch.Tensor, tensors: list[torch.Tensor]) -> bool:
    return any(tensor is each for each in tensors)


def stack_flat(numbers: Sequence[int], arrays: Sequence[np.ndarray]) -> list[Stack]:
    """Returns numbered arrays in stacks of shape `(members, elements)`."""
    groups: dict[Any, list[tuple[int, np.ndarray]]] = {}
    for number, array in zip(numbers, arrays):
        key = array.size if array.size <= _SMALL else (array.size, number)
        groups.setdefault(key, []).append((number, array.reshape(-1)))
    return [_stack(group) for group in groups.values()]


def stack_outputs(arrays: Sequence[np.ndarray]) -> tuple[Stack, ...]:
    """Returns what layers returned in stacks of shape `(members, rows, units)`.

    The last axis are the units, all others are rows.
    """
    groups: dict[Any, list[tuple[int, np.ndarray]]] = {}
    for number, array in enumerate(arrays):
        view = _rows_and_units(array)
        small = math.prod(array.shape[1:]) < _SMALL_ROW
        key = view.shape if small else (view.shape, number)
        groups.setdefault(key, []).append((number, view))
    return tuple(_stack(group) for group in groups.values())


def read_variables(variables: Sequence[Any]) -> tuple[Stack, ...]:
    """Returns copies of the values of Keras variables as they are now."""
    arrays = to_arrays(variable._value for variable in variables)
    stacks = stack_flat(range(len(arrays)), arrays)
    # A step writes to the memory of the variables. What is stacked is copied already.
    return tuple(
        Stack(members, values.copy() if len(members) == 1 else values)
        for members, values in stacks
    )


def _rows_and_units(array: np.ndarray) -> np.ndarray:
    if array.ndim < 2:
        return array.reshape(array.size, 1)
    *rows, units = array.shape
    return array.reshape(math.prod(rows), units)


def _stack(group: list[tuple[int, np.ndarray]]) -> Stack:
    members = tuple(number for number, _ in group)
    if len(group) == 1:
        return Stack(members, group[0][1][None])
    return Stack(members, np.stack([array for _, array in group]))
