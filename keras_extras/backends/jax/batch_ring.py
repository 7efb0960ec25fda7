from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from keras_extras.backends.epoch_source import source_of_epochs
from keras_extras.backends.kept_no_more import warn_keeps_no_more

_MOST_BYTES = 64 * 2**20
_MOST_BATCHES = 256
_FEWEST_BATCHES = 8
_LATE = 6  # executions until a bad loss is read


class BatchRing:
    """Keeps the last batches that a `fit` has read.

    They are not copied, unless they turn out to be all in the same memory.

    Args:
        epoch_iterator: Keras' own iterator over epochs, before it has begun.
    """

    def __init__(self, epoch_iterator: Any) -> None:
        self._late = _LATE * epoch_iterator.steps_per_execution
        self.capacity = _FEWEST_BATCHES
        self._batches: deque[Any] | None = deque()
        self._copies = False
        # Neither may keep the other alive: FitGuard notices when the iterator goes.
        self._epoch_iterator = weakref.ref(epoch_iterator)
        own = source_of_epochs(epoch_iterator)
        vars(epoch_iterator)["_get_iterator"] = lambda: self._keeping(own)

    def _keeping(self, own: Callable[[], Any]) -> Iterator[Any]:
        for batch in own():
            self._keep(batch)
            yield batch

    def _keep(self, batch: Any) -> None:
        try:
            if self._batches is not None:
                self._append(batch, self._batches)
        except Exception as error:
            self._batches = None  # what is kept is not the last any more
            warn_keeps_no_more(error)

    def _append(self, batch: Any, batches: deque[Any]) -> None:
        if not batches:
            leaves = jax.tree.leaves(batch)
            size = sum(leaf.nbytes for leaf in leaves if hasattr(leaf, "nbytes"))
            fit_in = _MOST_BYTES // max(size, 1)
            self.capacity = min(max(fit_in, _FEWEST_BATCHES), _MOST_BATCHES)
        elif not self._copies and _share_memory(batch, batches[-1]):
            self._copies = True  # a generator that may write to the same array
            batches.clear()
        batches.append(jax.tree.map(np.copy, batch) if self._copies else batch)
        if len(batches) > self.capacity + self._late:
            batches.popleft()

    def batches(self) -> list[Any]:
        """Returns the batches in the ring, the oldest one first."""
        return list(self._batches or ())

    def detach(self) -> None:
        """Lets go of the batches, and keeps no more."""
        self._batches = None
        epoch_iterator = self._epoch_iterator()
        if epoch_iterator is not None:
            vars(epoch_iterator).pop("_get_iterator", None)


def _share_memory(batch: Any, other: Any) -> bool:
    pairs = zip(jax.tree.leaves(batch), jax.tree.leaves(other))
    return any(
        isinstance(one, np.ndarray)
        and isinstance(two, np.ndarray)
        and np.may_share_memory(one, two)
        for one, two in pairs
    )
