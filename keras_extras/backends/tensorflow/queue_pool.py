"""Queues that are used again.

TensorFlow keeps a kernel of 34 kB for each queue that was ever made: in eager mode it
gives each a name of its own, and never forgets what it made for a name.
"""

from __future__ import annotations

import contextlib
import weakref
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context

_free: dict[tuple[Any, ...], list[Any]] = defaultdict(list)


def borrow_queue(
    capacity: int, types: Sequence[Any], device: str = "CPU:0"
) -> tuple[Any, Callable[[Any], None]]:
    """Returns an empty queue, and a function that ties it to an object.

    When the object is gone, others may have the queue. So it must live as long as
    anything reads from the queue.

    Args:
        capacity: Integer, -1 for any number.
        types: Types of the tensors of an element.
        device: Where the queue is to be.
    """
    key = (capacity, tuple(types), device)
    with tf.init_scope(), tf.device(device):
        free = _free[key]
        queue = free.pop() if free else tf.queue.FIFOQueue(capacity, types)

    def tie_to(owner: Any) -> None:
        weakref.finalize(owner, _give_back, key, queue).atexit = False

    return queue, tie_to


def _give_back(key: tuple[Any, ...], queue: Any) -> None:
    """Empties a queue, for what is in it would stay in memory."""
    with contextlib.suppress(Exception), context.eager_mode():
        for _ in range(int(queue.size())):
            queue.dequeue()
        _free[key].append(queue)
