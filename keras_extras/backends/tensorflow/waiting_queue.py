from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops.multi_device_iterator_ops import (
    OwnedMultiDeviceIterator,
)

from keras_extras.backends.tensorflow.batch_spec import BatchSpec


class WaitingQueue:
    """Makes an iterator over several devices of any kind, with a queue on the host.

    TensorFlow's own distribution takes the batches to the devices. A thread of it
    waits at the queue for the next one; it ends when the iterator is dropped.

    Args:
        iterator: An `OwnedMultiDeviceIterator`, whose specification is taken over.

    Attributes:
        iterator: The iterator. It waits for a batch where there is none.
    """

    def __init__(self, iterator: Any) -> None:
        self._spec = BatchSpec(iterator.element_spec)
        host = iterator._source_device
        with tf.init_scope(), tf.device(host):
            queue = tf.queue.FIFOQueue(-1, self._spec.types)
            taken = tf.data.Dataset.range(tf.int64.max).map(
                lambda _: self._spec.with_shapes(queue.dequeue())
            )
            self.iterator = OwnedMultiDeviceIterator(
                self._spec.dataset(taken),
                iterator._devices,
                source_device=host,
                max_buffer_size=1,
                prefetch_buffer_size=0,
            )
        self.iterator._needs = (taken, queue)
        self._queue = queue
        # The thread would wait for ever, and the iterator for the thread.
        weakref.finalize(self.iterator, queue.close, cancel_pending_enqueues=True)

    def put(self, parts: Sequence[Any]) -> None:
        """Appends a batch, the part of each device."""
        for part in parts:
            self._queue.enqueue(self._spec.flatten(part))
