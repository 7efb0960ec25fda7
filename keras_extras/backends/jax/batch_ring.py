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
_LATE = 14  # executions until a bad loss is read
_LOOKED_AT = 9  # batches; what writes to some arrays in turn has no more than that


class BatchRing:
    """Keeps the last batches that a `fit` has read.

    They are not copied, unless some of the first ones turn out to be in one memory.

    Args:
        epoch_iterator: Keras' own iterator over epochs, before it has begun.
    """

    def __init__(self, epoch_iterator: Any) -> None:
        self._late = _LATE * epoch_iterator.steps_per_execution
        self.capacity = _FEWEST_BATCHES
        self._batches: deque[Any] | None = deque()
        self._looks, self._copies = _LOOKED_AT, False
        # Neither may keep the other alive: FitGuard notices when the iterator goes.
        self._epoch_iterator = weakref.ref(epoch_iterator)
        own = source_of_epochs(epoch_iterator)
        vars(epoch_iterator)["_get_iterator"] = lambda: self._keeping(own)

    def _keeping(self, own: Callable[[], Any]) -> Iterator[Any]:
        for batch in own():
            self._keep(batch)
            yield batch

    # It runs for each batch, between two runs of the step: there each call costs.
    def _keep(self, batch: Any) -> None:
        if self._batches is None:
            return
        try:
            if self._looks:
                self._look(batch, self._batches)
            kept = jax.tree.map(np.copy, batch) if self._copies else batch
            self._batches.append(kept)
        except Exception as error:
            self._batches = None  # what is kept is not the last any more
            warn_keeps_no_more(error)

    def _look(self, batch: Any, batches: deque[Any]) -> None:
        """Looks at one of the first batches: how large it is, and where it lies."""
        if self._looks == _LOOKED_AT:
            leaves = jax.tree.leaves(batch)
            size = sum(leaf.nbytes for leaf in leaves if hasattr(leaf, "nbytes"))
            fit_in = _MOST_BYTES // max(size, 1)
            self.capacity = min(max(fit_in, _FEWEST_BATCHES), _MOST_BATCHES)
            self._batches = deque(maxlen=self.capacity + self._late)
        elif any(_share_memory(batch, other) for other in batches):
            self._copies = True  # a generator that may write to the same arrays
            batches.clear()
        self._looks = 0 if self._copies else self._looks - 1

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
