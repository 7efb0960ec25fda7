from __future__ import annotations

import math
import weakref
from collections import deque
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import keras
import torch

from keras_extras.backends.epoch_source import source_of_epochs
from keras_extras.backends.kept_no_more import warn_keeps_no_more
from keras_extras.keras_internals.torch_draws import TorchDraws

_MOST_BYTES = 64 * 2**20
_MOST_BATCHES = 256
_AT_LEAST = 8
# Kinds of data whose batches are new tensors each time.
_COPIES = ("ArrayDataAdapter", "TorchDataLoaderAdapter")


class PastBatch(NamedTuple):
    """A batch, and the random generators of torch as they were when it was read.

    Where the processor's is the only one there is, a copy of it stands for them.
    """

    batch: Any
    draws: TorchDraws | torch.Generator


def as_in_training(batch: Any) -> Any:
    """Returns a batch; of the past, with the generators as they were before it."""
    if not isinstance(batch, PastBatch):
        return batch
    if isinstance(batch.draws, TorchDraws):
        batch.draws.restore()
    else:
        torch.default_generator.set_state(batch.draws.get_state())
    return batch.batch


class BatchRing:
    """Keeps the last batches that a `fit` has read.

    The iterator over the data is replaced by one that passes each batch on and keeps
    a reference to it.

    Args:
        epoch_iterator: Keras' own iterator over epochs, before it has begun.

    Attributes:
        capacity: Integer, how many batches there is room for: known with the first.
    """

    def __init__(self, epoch_iterator: Any) -> None:
        self.capacity = _AT_LEAST
        # Each of `PastBatch`, which is dearer to make than all that is in it.
        self._last: deque[tuple[Any, Any]] = deque()
        self._is_detached = False
        self._draws_now = TorchDraws if _has_accelerator() else _copy_of_generator
        adapter = epoch_iterator.data_adapter
        self._copies = type(adapter).__name__ in _COPIES
        # Neither may keep the other alive: FitGuard notices when the iterator goes.
        self._epoch_iterator = weakref.ref(epoch_iterator)
        own = source_of_epochs(epoch_iterator)
        epoch_iterator._get_iterator = lambda: _Passing(own(), self._keep)

    # It runs for each batch, between two runs of the step: there each call costs.
    def _keep(self, batch: Any) -> None:
        if self._is_detached:
            return
        try:
            if not self._last:
                self.capacity = _capacity(batch)
                self._last = deque(maxlen=self.capacity)
            self._last.append((batch, self._draws_now()))
        except Exception as error:
            self._forget()  # what is kept is not the last any more
            warn_keeps_no_more(error)

    def _forget(self) -> None:
        self._is_detached = True
        self._last.clear()

    def batches(self) -> list[Any]:
        """Returns the batches in the ring, the oldest one first.

        None, if the data writes each batch to the same memory.
        """
        kept = [PastBatch(*past) for past in self._last]
        places = {_place(past.batch) for past in kept}
        return kept if self._copies or len(places) == len(kept) else []

    def detach(self) -> None:
        """Keeps no more batches."""
        self._forget()
        epoch_iterator = self._epoch_iterator()
        if epoch_iterator is not None:
            vars(epoch_iterator).pop("_get_iterator", None)


class _Passing:
    """Passes on what an iterable yields."""

    def __init__(self, source: Iterable[Any], keep: Callable[[Any], None]) -> None:
        self._source = source
        self._keep = keep

    def __iter__(self) -> Iterator[Any]:
        self._next = iter(self._source).__next__
        return self

    def __next__(self) -> Any:
        batch = self._next()
        self._keep(batch)
        return batch


def _has_accelerator() -> bool:
    return torch.cuda.is_available() or torch.backends.mps.is_available()


# Not `get_rng_state`, which takes three times as long.
_copy_of_generator = torch.default_generator.clone_state


def _tensors(batch: Any) -> list[torch.Tensor]:
    leaves = keras.tree.flatten(batch)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def _capacity(batch: Any) -> int:
    size = sum(t.element_size() * math.prod(t.shape) for t in _tensors(batch))
    return int(min(max(_MOST_BYTES // max(size, 1), _AT_LEAST), _MOST_BATCHES))


def _place(batch: Any) -> tuple[int, ...]:
    return tuple(tensor.data_ptr() for tensor in _tensors(batch))
