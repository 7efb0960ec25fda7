from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops import multi_device_iterator_ops

from keras_extras.backends.tensorflow.device_queues import DeviceQueues
from keras_extras.backends.tensorflow.waiting_queue import WaitingQueue


class ReplicaBatches:
    """Makes iterators over batches of which each replica holds a part.

    Args:
        iterator: A `tf.distribute.DistributedIterator` of such batches.

    Attributes:
        limit: How many steps an execution may have, or `None`.

    Raises:
        NotImplementedError: If the strategy spreads its input over several workers.
    """

    def __init__(self, iterator: Any) -> None:
        workers = iterator._iterators
        many = getattr(workers[0], "_iterator", None)
        if len(workers) != 1 or not isinstance(
            many, multi_device_iterator_ops.OwnedMultiDeviceIterator
        ):
            raise NotImplementedError(
                "Batches can only be handed over where one worker spreads them over "
                f"its devices. Received: strategy={iterator._strategy}"
            )
        self._strategy = iterator._strategy
        self._order = iterator._replica_order
        on_the_host = all(":CPU:" in device for device in many._devices)
        self._queue: DeviceQueues | WaitingQueue
        self._queue = (DeviceQueues if on_the_host else WaitingQueue)(many)
        # A queue that waits has no end, for which a short execution would look.
        self.limit = None if on_the_host else 1
        worker = workers[0]._type_spec._from_components([self._queue.iterator])
        self._iterator = iterator._type_spec._from_components([worker])

    def over(self, *batches: Any) -> Any:
        """Returns an iterator that yields these batches, then ends."""
        for batch in batches:
            self._queue.put(self._parts(batch))
        return self._iterator

    def over_anew(self, *batches: Any) -> Any:
        """Returns an iterator of Python, for which Keras runs another trace."""
        return iter(batches)

    def failing(self) -> Any:
        """Returns an iterator that raises an error instead of its first batch."""
        return _failing()

    def _parts(self, batch: Any) -> list[Any]:
        local = self._strategy.experimental_local_results
        replicas = list(range(self._strategy.num_replicas_in_sync))
        if self._order is not None:
            replicas = [self._order.index(device) for device in replicas]
        return [
            tf.nest.map_structure(lambda v, r=replica: local(v)[r], batch)
            for replica in replicas
        ]


def _failing() -> Iterator[Any]:
    raise RuntimeError("The data raised an error.")
    yield
