from __future__ import annotations

from collections import deque
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import jax

_MOST_BYTES = 64 * 2**20
_MOST_BATCHES = 128
_FEWEST_BATCHES = 8
_LATE = 6  # executions until a bad loss is read


class BatchRing:
    """Keeps the last batches that a `fit` has read: by reference.

    Args:
        epoch_iterator: Keras' own iterator over epochs, before it has begun.
    """

    def __init__(self, epoch_iterator: Any) -> None:
        self._epoch_iterator = epoch_iterator
        self._late = _LATE * epoch_iterator.steps_per_execution
        self.capacity = _FEWEST_BATCHES
        self._batches: deque[Any] | None = deque()
        get_iterator = epoch_iterator._get_iterator
        vars(epoch_iterator)["_get_iterator"] = lambda: self._keeping(get_iterator)

    def _keeping(self, get_iterator: Callable[[], Any]) -> Iterator[Any]:
        for batch in get_iterator():
            if self._batches is not None:
                self._keep(batch, self._batches)
            yield batch

    def _keep(self, batch: Any, batches: deque[Any]) -> None:
        if not batches:
            leaves = jax.tree.leaves(batch)
            size = sum(leaf.nbytes for leaf in leaves if hasattr(leaf, "nbytes"))
            fit_in = _MOST_BYTES // max(size, 1)
            self.capacity = min(max(fit_in, _FEWEST_BATCHES), _MOST_BATCHES)
        elif _first_leaf(batch) is _first_leaf(batches[-1]):
            self._batches = None  # a generator that writes to the same array each time
            return
        batches.append(batch)
        if len(batches) > self.capacity + self._late:
            batches.popleft()

    def batches(self) -> list[Any]:
        """Returns the batches in the ring, the oldest one first."""
        return list(self._batches or ())

    def detach(self) -> None:
        """Lets go of the batches, and keeps no more."""
        self._batches = None
        vars(self._epoch_iterator).pop("_get_iterator", None)


def _first_leaf(batch: Any) -> Any:
    return next(iter(jax.tree.leaves(batch)), None)
