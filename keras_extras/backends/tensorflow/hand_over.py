from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import NoReturn

import tensorflow as tf

from keras_extras.backends.tensorflow.batch_queue import BatchQueue
from keras_extras.backends.tensorflow.batch_spec import BatchSpec
from keras_extras.backends.tensorflow.replica_queues import ReplicaQueues

# To trace the function of a queue takes about as long as to load that often.
_LOADS_BEFORE_A_QUEUE = 12


class HandOver:
    """Takes batches from the iterator that Keras made, and gives them back.

    Implements `keras_extras.backends.contract.HandOver`. The user's train function
    gets an iterator of the same specification, so that it runs the trace it has, on
    the very tensors that were fetched.

    Args:
        iterator: An iterator as Keras hands it to the train function: of `tf.data`,
            of `tf.distribute`, or of Python.

    Attributes:
        error: What the user's pipeline raised instead of a batch, or `None`.

    Raises:
        NotImplementedError: If a strategy spreads its input over several workers.
    """

    def __init__(self, iterator: Any) -> None:
        self._spec = getattr(iterator, "element_spec", None)
        self._distributed: ReplicaQueues | None = None
        self._local: _Local | None = None
        if isinstance(iterator, tf.distribute.DistributedIterator):
            self._distributed = ReplicaQueues(iterator)
        elif isinstance(iterator, tf.data.Iterator):
            self._local = _Local(BatchSpec(self._spec))
        self.error: Exception | None = None

    def fits(self, iterator: Any) -> bool:
        """Returns whether `iterator` yields what this hand-over was made for."""
        spec = getattr(iterator, "element_spec", None)
        return spec is self._spec or spec == self._spec

    def fetch(self, arguments: tuple[Any, ...], limit: int = 1) -> list[Any] | None:
        """Returns at most `limit` batches; `None` if the data has ended already.

        What the user's pipeline raises is kept in `error`, as the batches before it
        are to be trained first. `raise_error` raises it.
        """
        (iterator,) = arguments
        batches: list[Any] = []
        while len(batches) < limit:
            try:
                batches.append(next(iterator))
            except StopIteration:
                return batches or None
            except Exception as error:
                self.error = error
                return batches
        return batches

    def give(self, *batches: Any) -> tuple[Any, ...]:
        """Returns arguments with which the user's function trains on `batches`.

        After them the iterator ends, without any at once.
        """
        if self._local is not None:
            return (self._local.iterator_over(batches),)
        if self._distributed is not None:
            for batch in batches:
                self._distributed.put(batch)
            return (self._distributed.iterator,)
        return (iter(batches),)

    def give_in_another_way(self, *batches: Any) -> tuple[Any, ...]:
        """Does what `give` does, with nothing that was used before.

        For replicas it is an iterator of Python, for which Keras' train function runs
        another trace.
        """
        if self._local is not None and batches:
            return (self._local.new_iterator_over(batches),)
        return (iter(batches),)

    def raise_error(self, own: Callable[..., Any]) -> NoReturn:
        """Raises `error`, after the user's function has met one at the same place."""
        error, self.error = self.error, None
        assert error is not None
        try:
            own(self._failing_iterator())
        except Exception:
            raise error from None
        raise error

    def _failing_iterator(self) -> Any:
        if self._local is not None:
            return self._local.failing_iterator()
        return _failing()


class _Local:
    """Iterators over batches that are in one place."""

    def __init__(self, spec: BatchSpec) -> None:
        self._spec = spec
        self._loaded: Any = None
        self._loads_left = _LOADS_BEFORE_A_QUEUE
        self._queue: BatchQueue | None = None

    def iterator_over(self, batches: tuple[Any, ...]) -> Any:
        if batches and self._loads_left > 0:
            self._loads_left -= 1
            if self._loaded is None:
                self._loaded = self._spec.empty_iterator()
            self._spec.load(self._loaded, batches)
            return self._loaded
        if self._queue is None:
            self._queue = BatchQueue(self._spec)
            self._loaded = None
        for batch in batches:
            self._queue.put(batch)
        return self._queue.iterator

    def new_iterator_over(self, batches: tuple[Any, ...]) -> Any:
        if self._queue is not None:
            self._queue.clear()
        iterator = self._spec.empty_iterator()
        self._spec.load(iterator, batches)
        return iterator

    def failing_iterator(self) -> Any:
        return self._spec.empty_iterator()


def _failing() -> Iterator[Any]:
    raise RuntimeError("The data raised an error.")
    yield
