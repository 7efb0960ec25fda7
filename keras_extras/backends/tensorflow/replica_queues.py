from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops import multi_device_iterator_ops
from tensorflow.python.ops import gen_dataset_ops

from keras_extras.backends.tensorflow.batch_queue import BatchQueue
from keras_extras.backends.tensorflow.batch_spec import BatchSpec


class ReplicaQueues:
    """Does what `BatchQueue` does for the iterator of a `tf.distribute` strategy.

    Such an iterator is a shell around one ordinary iterator for each device. Here
    each of them is a queue of its own on that device, so that nothing prefetches
    and no thread distributes.

    Args:
        iterator: A `tf.distribute.DistributedIterator` of one worker.

    Attributes:
        iterator: The iterator, of the same specification.

    Raises:
        NotImplementedError: If the strategy spreads its input in another way.
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
        self._queues = [
            BatchQueue(BatchSpec(one.element_spec), device)
            for one, device in zip(many._device_iterators, many._devices)
        ]
        mine = self._of_many_devices(many)
        worker = workers[0]._type_spec._from_components([mine])
        self.iterator = iterator._type_spec._from_components([worker])

    def put(self, batch: Any) -> None:
        """Appends a batch, a structure of values for each replica."""
        local = self._strategy.experimental_local_results
        for number, queue in enumerate(self._queues):
            place = number if self._order is None else self._order.index(number)
            queue.put(tf.nest.map_structure(lambda v, p=place: local(v)[p], batch))

    def size(self) -> int:
        """Returns how many batches have not been taken yet."""
        return max(queue.size() for queue in self._queues)

    def clear(self) -> None:
        """Drops the batches that have not been taken."""
        for queue in self._queues:
            queue.clear()

    def _of_many_devices(self, theirs: Any) -> Any:
        spec = BatchSpec(theirs.element_spec)
        # The resource that distributes has a place in the specification only.
        with tf.device(theirs._source_device):
            unused = gen_dataset_ops.anonymous_multi_device_iterator_v3(
                theirs._devices, spec.types, spec.shapes
            )
        return theirs._type_spec._from_components(
            [unused, *(queue.iterator for queue in self._queues)]
        )
