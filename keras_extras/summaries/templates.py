"""Serialised summaries in which only numbers change from step to step.

To make them value by value takes 1.3 ms for a sample of 3 layers and 3 ms for one of
21, as long as a training step, and with the lock that the training waits for. A
template is serialised once; then numbers are put where they belong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT

_PLACEHOLDER = np.float32(1.0)  # zero would be left out


class ScalarTemplate:
    """Scalars with the same tags at each step.

    Args:
        tags: The tags.
    """

    def __init__(self, tags: Sequence[str]) -> None:
        one_by_one = [
            Summary(
                value=[Summary.Value(tag=tag, simple_value=_PLACEHOLDER)]
            ).SerializeToString()
            for tag in tags
        ]
        self._lengths = np.array([len(summary) for summary in one_by_one], np.int64)
        self._bytes = np.frombuffer(b"".join(one_by_one), np.uint8)
        # The number stands last in each.
        self._places = np.cumsum(self._lengths)[:, np.newaxis] + np.arange(-4, 0)

    def fill(self, values: np.ndarray) -> bytes:
        """Returns a serialised summary with the values that are numbers."""
        filled = self._bytes.copy()
        filled[self._places] = _bytes_of(values).reshape(-1, 4)
        missing = np.isnan(values)
        if missing.any():
            filled = filled[np.repeat(~missing, self._lengths)]
        return filled.tobytes()


class VectorTemplate:
    """Vectors of the same length with the same tags at each step, without metadata.

    Args:
        tags: The tags.
        length: Integer.
    """

    def __init__(self, tags: Sequence[str], length: int) -> None:
        tensor = TensorProto(
            dtype=DT_FLOAT, tensor_content=_bytes_of(np.ones(length)).tobytes()
        )
        tensor.tensor_shape.dim.add(size=length)
        one_by_one = [
            Summary(value=[Summary.Value(tag=tag, tensor=tensor)]).SerializeToString()
            for tag in tags
        ]
        ends = np.cumsum([len(summary) for summary in one_by_one], dtype=np.int64)
        self._bytes = np.frombuffer(b"".join(one_by_one), np.uint8)
        # The content stands last in each.
        self._places = ends[:, np.newaxis] + np.arange(-4 * length, 0)

    def fill(self, values: np.ndarray) -> bytes:
        """Returns a serialised summary with a row of values for each tag."""
        filled = self._bytes.copy()
        filled[self._places] = _bytes_of(values).reshape(len(values), -1)
        return filled.tobytes()


def _bytes_of(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # too large for 32 bits is infinite
        return np.ascontiguousarray(values, "<f4").view(np.uint8)
