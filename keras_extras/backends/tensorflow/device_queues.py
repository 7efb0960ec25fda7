from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import gen_dataset_ops

from keras_extras.backends.tensorflow.batch_queue import BatchQueue
from keras_extras.backends.tensorflow.batch_spec import BatchSpec


class DeviceQueues:
    """Makes an iterator over several CPU devices, with a queue on each of them.

    The iterator of a strategy is a shell around one ordinary iterator for each device.
    With queues in that shell nothing prefetches, and no thread distributes.

    Args:
        iterator: An `OwnedMultiDeviceIterator`, whose specification is taken over.

    Attributes:
        iterator: The iterator.
    """

    def __init__(self, iterator: Any) -> None:
        spec = BatchSpec(iterator.element_spec)
        self._queues = [BatchQueue(spec, device) for device in iterator._devices]
        # The resource that distributes has a place in the specification only.
        with tf.device(iterator._source_device):
            unused = gen_dataset_ops.anonymous_multi_device_iterator_v3(
                iterator._devices, spec.types, spec.shapes
            )
        self.iterator = iterator._type_spec._from_components(
            [unused, *(queue.iterator for queue in self._queues)]
        )

    def put(self, parts: Sequence[Any]) -> None:
        """Appends a batch, the part of each device."""
        for queue, part in zip(self._queues, parts):
            queue.put(part)
