from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops.map_op import _MapDataset
from tensorflow.python.ops import gen_data_flow_ops

from keras_extras.backends.tensorflow.batch_spec import BatchSpec
from keras_extras.backends.tensorflow.queue_pool import borrow_queue

_closed: dict[tuple[Any, ...], Any] = {}


class BatchQueue:
    """Makes an iterator of which one decides, batch by batch, what it yields.

    An iterator of `tf.data` over a queue: it takes the oldest batch, or ends when
    there is none. It never waits, and after its end it goes on with the next batch
    that is put in. Tensors pass by reference.

    Args:
        spec: What the batches look like. A function that was traced with an iterator
            of that specification is not traced again with this one.
        device: Where the iterator is to be, as it is part of what a function is
            compiled for.

    Attributes:
        iterator: The iterator, a `tf.data.Iterator`.
    """

    def __init__(self, spec: BatchSpec, device: str = "CPU:0") -> None:
        self._spec = spec
        self._queue, tie_queue_to = borrow_queue(-1, spec.types, device)
        with tf.init_scope(), tf.device(device):
            self._none_left = _closed_queue(tuple(spec.types), device)
            taken = self._taken()
            self.iterator = iter(spec.dataset(taken))
        # As with iterators of a dataset: who holds the iterator holds what it needs,
        # the function, to which it refers by name only, and the queues.
        self.iterator._needs = (taken, self._queue, self._none_left)
        tie_queue_to(self.iterator)

    def put(self, batch: Any) -> None:
        """Appends a batch."""
        tensors = self._spec.flatten(batch)
        gen_data_flow_ops.queue_enqueue_v2(self._queue.queue_ref, tensors)

    def size(self) -> int:
        """Returns how many batches have not been taken yet."""
        return int(gen_data_flow_ops.queue_size_v2(self._queue.queue_ref))

    def _taken(self) -> Any:
        spec, queue = self._spec, self._queue.queue_ref
        # Dequeuing from a closed queue ends the iterator. Which of the two queues it
        # is, is looked up: a branch would need an executor with threads, which takes
        # as long as all the rest.
        choice = tf.raw_ops.Pack(values=[self._none_left.queue_ref, queue])

        def take(_: Any) -> tuple[Any, ...]:
            size = gen_data_flow_ops.queue_size_v2(queue)
            any_left = tf.raw_ops.Minimum(x=size, y=1)
            chosen = tf.raw_ops.GatherV2(params=choice, indices=any_left, axis=0)
            tensors = gen_data_flow_ops.queue_dequeue_v2(chosen, spec.types)
            return spec.with_shapes(tensors)

        # Not preserving the cardinality is what makes an end of the closed queue's
        # error; without parallelism the function runs in the thread that calls it.
        return _MapDataset(
            tf.data.Dataset.range(tf.int64.max),
            # To convert it takes longer than all the rest.
            tf.autograph.experimental.do_not_convert(take),
            use_inter_op_parallelism=False,
            preserve_cardinality=False,
        )


def _closed_queue(types: tuple[Any, ...], device: str) -> Any:
    """Returns a queue that is empty for good."""
    if (types, device) not in _closed:
        _closed[types, device] = tf.queue.FIFOQueue(1, types)
        _closed[types, device].close()
    return _closed[types, device]
