from __future__ import annotations

from collections import deque
from typing import Any

from keras_extras.backends.contract import Backend

# That many batches Python may be ahead of the loss that was read last.
_MOST_AHEAD = 4


class LateLosses:
    """The losses of batches that may not have been computed yet, in their order.

    Args:
        backend: The backend in use.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._unread: deque[Any] = deque()

    def add(self, logs: Any) -> None:
        """Takes the loss out of what a train function has returned."""
        loss = logs.get("loss") if isinstance(logs, dict) else None
        if loss is not None:
            self._unread.append(loss)

    def read(self, all_of_them: bool = False) -> list[float]:
        """Returns the losses that are known by now, each once.

        Args:
            all_of_them: Whether to wait for the others. Defaults to `False`.
        """
        unread, ahead = self._unread, 0 if all_of_them else _MOST_AHEAD
        losses = []
        while unread and (len(unread) > ahead or self._backend.is_ready(unread[0])):
            losses.append(float(unread.popleft()))
        return losses
