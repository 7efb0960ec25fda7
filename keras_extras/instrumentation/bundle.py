"""Reductions of many tensors at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

_SMALL = 2048


class Bundle:
    """A list of tensors whose reductions are wanted one by one, as a vector.

    For a bias of ten numbers an operation costs more to start than to run, so the
    small tensors are laid end to end and reduced together, segment by segment.

    Args:
        tensors: Float32 tensors.
        half_square_sum: Function that returns half the sum of squares of a tensor, in
            the backend's fastest way.
    """

    def __init__(
        self, tensors: Sequence[Any], half_square_sum: Callable[[Any], Any]
    ) -> None:
        sizes = [_static_size(tensor) for tensor in tensors]
        small = [i for i, size in enumerate(sizes) if 0 < size <= _SMALL]
        large = [i for i in range(len(tensors)) if i not in small]
        self._half_square_sum = half_square_sum
        self._place = np.argsort(large + small)
        self._large = [tensors[i] for i in large]
        self._small: Any = None
        self._count = len(small)
        if small:
            flat = [ops.reshape(tensors[i], (-1,)) for i in small]
            self._small = ops.concatenate(flat)
            self._segments = np.repeat(np.arange(len(small)), [sizes[i] for i in small])

    def map(self, function: Callable[..., Any], *others: Bundle) -> Bundle:
        """Returns the bundle of what an elementwise `function` returns."""
        mapped = Bundle.__new__(Bundle)
        vars(mapped).update(vars(self))
        rows = zip(self._large, *(other._large for other in others))
        mapped._large = [function(*tensors) for tensors in rows]
        if self._small is not None:
            mapped._small = function(self._small, *(o._small for o in others))
        return mapped

    def scale(self, factors: Any) -> Bundle:
        """Returns the tensors, each times its element of the vector `factors`."""
        scaled = self.map(lambda x: x)
        order = np.argsort(self._place)
        each = ops.unstack(factors, len(self._place))
        scaled._large = [x * each[i] for x, i in zip(self._large, order)]
        if self._small is not None:
            of_small = ops.take(factors, order[len(self._large) :])
            scaled._small = self._small * ops.take(of_small, self._segments)
        return scaled

    def sum(self) -> Any:
        """Returns the sum of each tensor."""
        return self._reduce(ops.sum, ops.segment_sum)

    def max(self) -> Any:
        """Returns the largest element of each tensor."""
        return self._reduce(ops.max, ops.segment_max)

    def square_sum(self) -> Any:
        """Returns the sum of the squares of each tensor."""
        return 2.0 * self._reduce(
            self._half_square_sum,
            lambda x, *segments: ops.segment_sum(0.5 * x * x, *segments),
        )

    def _reduce(self, whole: Callable[..., Any], segmented: Callable[..., Any]) -> Any:
        parts = []
        if self._large:
            parts.append(ops.stack([whole(tensor) for tensor in self._large]))
        if self._small is not None:
            parts.append(segmented(self._small, self._segments, self._count))
        reduced = ops.concatenate(parts) if len(parts) > 1 else parts[0]
        if (self._place == np.arange(len(self._place))).all():
            return reduced
        return ops.take(reduced, self._place)


def _static_size(tensor: Any) -> int:
    """Returns the number of elements, 0 where it is not known before the step."""
    return math.prod(length or 0 for length in tensor.shape)
