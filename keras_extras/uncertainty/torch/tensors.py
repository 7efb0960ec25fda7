"""Helpers of sampling on torch: axes, seeds, and how large tensors are."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from torch import Tensor
from torch.overrides import TorchFunctionMode

_SEEDS = 2**31 - 1  # exclusive: seeds of Keras are signed on torch


def draw_seeds(key: np.ndarray, done: int, count: int) -> np.ndarray:
    """Returns a seed for each generator that no other chunk of samples has."""
    generator = np.random.default_rng([*key, done])
    return generator.integers(0, _SEEDS, (count, 2))


def repeat_rows(tensor: Tensor, count: int) -> Tensor:
    """Repeats a batch along its first axis."""
    return tensor.repeat(count, *[1] * (tensor.ndim - 1))


def stack_samples(tensor: Tensor, count: int, rows: int | None) -> Tensor:
    """Returns the outputs with an axis of samples in front."""
    if rows is None:
        return tensor[None]
    return tensor.reshape(count, rows, *tensor.shape[1:])


class LargestTensor(TorchFunctionMode):
    """Notes the largest of the tensors that are computed while it is on.

    Args:
        rows: Number of rows of the batch; other tensors than those of it do not count.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._rows = rows
        self._largest = 0

    @property
    def bytes_per_row(self) -> int:
        """How much memory a row takes: four times that of its largest tensor.

        Dropout alone holds its input, its random numbers, its mask and its output.
        """
        return max(1, 4 * self._largest // self._rows)

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in keras.tree.flatten(result):
            if isinstance(tensor, Tensor) and self._has_rows(tensor):
                size = math.prod(tensor.shape) * tensor.element_size()
                self._largest = max(self._largest, size)
        return result

    def _has_rows(self, tensor: Tensor) -> bool:
        rows = tensor.shape[0] if tensor.ndim else 0
        return rows > 0 and rows % self._rows == 0
