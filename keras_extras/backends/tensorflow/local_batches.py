from __future__ import annotations

from typing import Any

from keras_extras.backends.tensorflow.batch_queue import BatchQueue
from keras_extras.backends.tensorflow.batch_spec import BatchSpec

# To trace the function of a queue takes about as long as to load that often.
_LOADS_BEFORE_A_QUEUE = 24


class LocalBatches:
    """Makes iterators over batches that are in one place.

    Args:
        iterator: A `tf.data.Iterator` of such batches.

    Attributes:
        limit: How many steps an execution may have, or `None`.
    """

    limit: int | None = None

    def __init__(self, iterator: Any) -> None:
        self._spec = BatchSpec(iterator.element_spec)
        self._loaded: Any = None
        self._loads_left = _LOADS_BEFORE_A_QUEUE
        self._queue: BatchQueue | None = None

    def over(self, *batches: Any) -> Any:
        """Returns an iterator that yields these batches, then ends."""
        if batches and self._loads_left > 0:
            self._loads_left -= 1
            self._loaded = self._loaded or self._spec.empty_iterator()
            self._spec.load(self._loaded, batches)
            return self._loaded
        if self._queue is None:
            self._queue = BatchQueue(self._spec)
            self._loaded = None
        for batch in batches:
            self._queue.put(batch)
        return self._queue.iterator

    def over_anew(self, *batches: Any) -> Any:
        """Returns an iterator that shares nothing with those that were used before."""
        iterator = self._spec.empty_iterator()
        self._spec.load(iterator, batches)
        return iterator

    def failing(self) -> Any:
        """Returns an iterator that raises an error instead of its first batch."""
        return self._spec.empty_iterator()
