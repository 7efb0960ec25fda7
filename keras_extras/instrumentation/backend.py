"""The contract between the instrument and a Keras backend.

Statistics are written with `keras.ops`. What a backend must add is small: a
buffer that the compiled step can write and the host can read, a way to build a
train function around a step, and a few questions about where a tensor lives.
A JAX module threads its buffers through the trainer's state, a torch module
writes them in place; neither changes the recorder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import Protocol

import keras
import numpy as np

Step = Callable[[Any], Any]
TrainFunction = Callable[[Any], Any]


class Buffer(Protocol):
    """A float32 array that the training step writes and the host reads."""

    def write(self, value: Any) -> None:
        """Writes one row inside the step; several rows wrap around."""

    def write_unless(
        self, condition: Any, value: Callable[..., Any], inputs: list[Any]
    ) -> None:
        """Writes `value(old, *inputs)` inside the step unless `condition` holds.

        `value` uses no other tensor of the step.
        """

    def read(self) -> list[np.ndarray]:
        """Returns the rows written since the last read, one array per replica."""

    def clear(self) -> None:
        """Sets all rows to zero."""


class Backend(Protocol):
    """What the instrument asks of a Keras backend."""

    def buffer(self, model: Any, rows: int, width: int) -> Buffer:
        """Returns a new buffer of `rows` x `width` zeros for `model`."""

    def train_function(self, model: Any, wrap: Callable[[Step], Step]) -> TrainFunction:
        """Returns a train function like the model's own, around `wrap(train_step)`."""

    def build(self, model: Any, data: Any) -> None:
        """Builds `model` and its metrics for the batches of `data`, before a step."""

    def scope(self) -> Any:
        """Returns what identifies the trace in which the step runs now."""

    def within(self, tensor: Any, scope: Any) -> bool:
        """Whether `tensor` lives in `scope` itself, not in a loop or branch of it."""

    def as_dense(self, gradient: Any, variable: Any, jit_compile: bool) -> Any:
        """Returns `gradient` without repeated rows, as one dense array."""

    def half_square_sum(self, tensor: Any) -> Any:
        """Returns half the sum of the squares of all elements of a float32 tensor."""

    def sum_over_replicas(self, tensors: list[Any]) -> list[Any]:
        """Returns the sums of `tensors` over all replicas."""

    def replicas(self, model: Any) -> int:
        """Returns the number of replicas that train `model`."""


def load_backend() -> Backend:
    """Returns the backend module for the Keras backend in use.

    Raises:
        NotImplementedError: If keras_extras cannot instrument that backend yet.
    """
    name = keras.backend.backend()
    if name != "tensorflow":
        raise NotImplementedError(
            "keras_extras monitors training on the TensorFlow backend only, for "
            f"now. Received: keras.backend.backend()={name!r}"
        )
    from keras_extras.instrumentation.tensorflow import TensorFlowBackend

    return TensorFlowBackend()
