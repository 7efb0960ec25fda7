from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np

from keras_extras.backends import processes
from keras_extras.backends.contract import Backend

# That many batches Python may be ahead of the loss that was read last, and more if they
# come within so many seconds: to wait for a step takes longer than to read its loss.
_MOST_AHEAD = 4
_MORE_AHEAD, _SECONDS = 8, 0.05


class LateLosses:
    """The losses of batches that may not have been computed yet, in their order.

    Args:
        backend: The backend in use.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._unread: deque[Any] = deque()
        # Several processes have to read at the same step, and their clocks differ.
        self._most = _MOST_AHEAD + (_MORE_AHEAD if processes.count() == 1 else 0)
        self._read_at = 0.0

    def add(self, logs: Any) -> None:
        """Takes the loss out of what a train function has returned."""
        loss = logs.get("loss") if isinstance(logs, dict) else None
        if loss is not None:
            self._unread.append(loss)

    @property
    def is_due(self) -> bool:
        """Whether to read, before another batch is trained."""
        waiting = len(self._unread)
        return waiting > _MOST_AHEAD and (
            waiting > self._most or time.perf_counter() >= self._read_at + _SECONDS
        )

    def read(self, all_of_them: bool = False) -> list[float]:
        """Returns the losses that are known by now, each once, or none as yet.

        Args:
            all_of_them: Whether to wait for the others. Defaults to `False`.
        """
        unread, losses = self._unread, list[float]()
        if not all_of_them and not self.is_due:
            return losses
        due = len(unread) - (0 if all_of_them else _MOST_AHEAD)
        if due > 0:
            self._backend.wait(unread[due - 1])  # once, for all before it too
        while unread and (due > len(losses) or self._backend.is_ready(unread[0])):
            # `float` takes ten times as long with an array of JAX.
            losses.append(float(np.asarray(unread.popleft())))
        self._read_at = time.perf_counter()
        return losses
