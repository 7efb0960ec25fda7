from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops.map_op import _MapDataset
from tensorflow.python.ops import gen_data_flow_ops

from keras_extras.backends.tensorflow.batch_spec import BatchSpec
from keras_extras.backends.tensorflow.queue_pool import borrow_queue

_MOST_BYTES = 64 * 2**20
_MOST_BATCHES = 256


class BatchRing:
    """Keeps the last batches that a `fit` has read, at no cost in Python.

    A stage behind the user's pipeline passes each batch on and puts a reference to it
    into a queue that is always full: what goes in at one end drops out at the other.
    The stage runs when the batch is asked for, in the same thread, so that the last
    batch in the ring is the last one that was trained on.

    Args:
        epoch_iterator: Keras' own iterator over epochs, before it has begun.

    Raises:
        NotImplementedError: If the batches are distributed, ragged, sparse or optional.
    """

    def __init__(self, epoch_iterator: Any) -> None:
        dataset = epoch_iterator._distributed_dataset
        parts = tf.nest.flatten(getattr(dataset, "element_spec", None))
        dense = all(isinstance(part, tf.TensorSpec) for part in parts)
        if not isinstance(dataset, tf.data.Dataset) or not dense:
            raise NotImplementedError("batches of dense tensors only")
        self._epoch_iterator = epoch_iterator
        self._dataset = dataset
        self._spec = BatchSpec(dataset.element_spec)
        self.capacity = _capacity(parts, epoch_iterator)
        self._queue, tie_queue_to = borrow_queue(
            self.capacity, [tf.bool, *self._spec.types]
        )
        tie_queue_to(epoch_iterator)
        with tf.init_scope(), tf.device("CPU:0"):
            nothing = [tf.constant(False)]
            nothing += [tf.zeros((0,), kind) for kind in self._spec.types]
            for _ in range(self.capacity):
                gen_data_flow_ops.queue_enqueue_v2(self._queue.queue_ref, nothing)
        self._attach()

    def _attach(self) -> None:
        queue, types = self._queue.queue_ref, [tf.bool, *self._spec.types]
        structure = self._dataset.element_spec

        def keep(*batch: Any) -> Any:
            whole = batch if isinstance(structure, tuple) else batch[0]
            flat = tf.nest.flatten(whole)
            with tf.control_dependencies(
                gen_data_flow_ops.queue_dequeue_v2(queue, types)
            ):
                gen_data_flow_ops.queue_enqueue_v2(queue, [tf.constant(True), *flat])
            return whole

        kept = _MapDataset(
            self._dataset,
            tf.autograph.experimental.do_not_convert(keep),
            use_inter_op_parallelism=False,
            preserve_cardinality=True,
        )
        self._epoch_iterator._distributed_dataset = kept
        # An iterator refers to its function and the queue by name only. They must be
        # there as long as Keras reads from it, also when the ring is long gone.
        self._epoch_iterator._needs = (kept, self._queue)

    def batches(self) -> list[Any]:
        """Returns the batches in the ring, the oldest one first."""
        found = []
        for _ in range(self.capacity):
            tensors = self._queue.dequeue()
            self._queue.enqueue(tensors)
            if bool(tensors[0]):
                found.append(
                    tf.nest.pack_sequence_as(self._spec.structure, tensors[1:])
                )
        return found

    def detach(self) -> None:
        """Takes the stage away: iterators that are made from here do without it."""
        self._epoch_iterator._distributed_dataset = self._dataset


def _capacity(parts: list[Any], epoch_iterator: Any) -> int:
    """Returns how many batches there is room for."""
    rows = getattr(epoch_iterator.data_adapter, "batch_size", None) or 32
    size = 0
    for part in parts:
        elements = 1
        for number, length in enumerate(
            part.shape.as_list() if part.shape.rank else []
        ):
            elements *= length or (rows if number == 0 else 64)
        size += elements * max(part.dtype.size, 1)
    return int(min(max(_MOST_BYTES // max(size, 1), 8), _MOST_BATCHES))
