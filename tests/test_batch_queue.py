"""An iterator of which we decide what it yields."""

import gc

import numpy as np
import pytest
import tensorflow as tf

from keras_extras.backends.tensorflow import queue_pool
from keras_extras.backends.tensorflow.batch_queue import BatchQueue
from keras_extras.backends.tensorflow.batch_spec import BatchSpec

SPEC = (tf.TensorSpec((None, 2)), tf.TensorSpec((None,), tf.int64))


def batch(number):
    return tf.fill((3, 2), float(number)), tf.fill((3,), np.int64(number))


def left_in(queue):
    return [int(y[0]) for _, y in queue.iterator]


def test_batches_come_in_order_and_again_after_the_end():
    queue = BatchQueue(BatchSpec(SPEC))
    for numbers in ([0, 1, 2], [], [3]):
        for number in numbers:
            queue.put(batch(number))
        assert queue.size() == len(numbers)
        assert left_in(queue) == numbers


def test_two_at_a_time_know_nothing_of_each_other():
    first, second = BatchQueue(BatchSpec(SPEC)), BatchQueue(BatchSpec(SPEC))
    first.put(batch(1))
    second.put(batch(2))
    assert (left_in(first), left_in(second)) == ([1], [2])


@pytest.fixture
def no_free_queues(monkeypatch):
    gc.collect()
    monkeypatch.setattr(queue_pool, "_free", type(queue_pool._free)(list))


def test_queues_are_used_again_and_are_empty(no_free_queues):
    used = set()
    for number in range(5):
        queue = BatchQueue(BatchSpec(SPEC))
        used.add(id(queue._queue))
        assert queue.size() == 0
        queue.put(batch(number))  # and is not taken: the training failed
        del queue
        gc.collect()
    assert len(used) == 1
