from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops.iterator_ops import OwnedIterator
from tensorflow.python.data.util import structure
from tensorflow.python.ops import gen_data_flow_ops
from tensorflow.python.ops import gen_dataset_ops

# Nothing that starts a thread or rewrites the pipeline: it only passes tensors on.
_OPTIONS = tf.data.Options()
_OPTIONS.autotune.enabled = False
_OPTIONS.deterministic = True
_OPTIONS.experimental_optimization.apply_default_optimizations = False
_OPTIONS.experimental_optimization.inject_prefetch = False
_OPTIONS.threading.private_threadpool_size = 0

# TensorFlow keeps a kernel of 34 kB for each queue that was ever made: they are used
# again, those that are closed by several at a time.
_free: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
_closed: dict[tuple[Any, ...], Any] = {}


class BatchQueue:
    """Makes an iterator of which one decides, batch by batch, what it yields.

    An iterator of `tf.data` over a queue: it takes the oldest batch, or ends when
    there is none. It never waits, and after its end it goes on with the next batch
    that is put in. Tensors pass by reference, in the form in which `tf.data` itself
    carries what is ragged, sparse or optional: as scalars of type variant.

    Args:
        element_spec: Structure of type specifications, as of another iterator. A
            function that was traced with that one is not traced again with this one.

    Attributes:
        iterator: The iterator, a `tf.data.Iterator`.
    """

    def __init__(self, element_spec: Any) -> None:
        self._spec = element_spec
        types = structure.get_flat_tensor_types(element_spec)
        shapes = structure.get_flat_tensor_shapes(element_spec)
        with tf.init_scope(), tf.device("CPU:0"):
            self._queue = self._take_queue(tuple(types))
            self._none_left = _closed_queue(tuple(types))
            # Held, as the iterator refers to its function by name only.
            self._dataset = self._made_of(types, shapes)
            resource = gen_dataset_ops.anonymous_iterator_v3(types, shapes)
            gen_dataset_ops.make_iterator(self._dataset._variant_tensor, resource)
        self.iterator = OwnedIterator(components=[resource], element_spec=element_spec)
        # As with an iterator of a dataset: who holds the iterator holds its source.
        self.iterator._dataset = self

    def _take_queue(self, types: tuple[Any, ...]) -> Any:
        """Returns an empty queue, which others may have when this object is gone."""
        free = _free[types]
        queue = free.pop() if free else tf.queue.FIFOQueue(-1, types)
        returning = weakref.finalize(self, free.append, queue)
        returning.atexit = False
        for _ in range(int(queue.size())):  # left there by a training that failed
            queue.dequeue()
        return queue

    def put(self, batch: Any) -> None:
        """Appends a batch, a structure as the specification says."""
        tensors = structure.to_tensor_list(self._spec, batch)
        gen_data_flow_ops.queue_enqueue_v2(self._queue.queue_ref, tensors)

    def size(self) -> int:
        """Returns how many batches have not been taken yet."""
        return int(gen_data_flow_ops.queue_size_v2(self._queue.queue_ref))

    def clear(self) -> None:
        """Drops the batches that have not been taken."""
        for _ in range(self.size()):
            self._queue.dequeue()

    def _made_of(self, types: Sequence[Any], shapes: Sequence[Any]) -> Any:
        queue = self._queue.queue_ref
        # Dequeuing from a closed queue ends the iterator. Which of the two queues it
        # is, is looked up: a branch would need an executor with threads, which takes
        # as long as all the rest.
        choice = tf.raw_ops.Pack(values=[self._none_left.queue_ref, queue])

        def take(_: Any) -> tuple[Any, ...]:
            any_left = tf.minimum(gen_data_flow_ops.queue_size_v2(queue), 1)
            chosen = tf.raw_ops.GatherV2(params=choice, indices=any_left, axis=0)
            tensors = gen_data_flow_ops.queue_dequeue_v2(chosen, types)
            for tensor, shape in zip(tensors, shapes):
                tensor.set_shape(shape)
            return tuple(tensors)

        from tensorflow.python.data.ops.map_op import _MapDataset

        endless = tf.data.Dataset.range(tf.int64.max)
        # Not preserving the cardinality is what makes an end of the closed queue's
        # error; without parallelism the function runs in the thread that calls it.
        taken = _MapDataset(
            endless, take, use_inter_op_parallelism=False, preserve_cardinality=False
        )
        return taken.with_options(_OPTIONS)


def _closed_queue(types: tuple[Any, ...]) -> Any:
    """Returns a queue that is empty for good."""
    if types not in _closed:
        _closed[types] = tf.queue.FIFOQueue(1, types)
        _closed[types].close()
    return _closed[types]
