"""Helpers of compiled sampling: signatures, seeds, axes and sizes of tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

Tensor = Any
_SEEDS = 2**31 - 2  # exclusive; what Keras reduces its seeds to


def compiled(function: Callable[..., Any], *signature: Any) -> Any:
    """Returns the graph of a function of tensors with this signature."""
    # Without XLA: on the CPU its random numbers take forty times as long.
    traced = tf.function(function, autograph=False)
    return traced.get_concrete_function(*tf.nest.flatten(signature))


def spec_of_batch(array: Any, shape: Sequence[int | None]) -> tf.TensorSpec:
    """Returns the signature of batches with any number of rows.

    Args:
        array: A batch.
        shape: Its shape without the rows, `None` where others may differ.
    """
    return tf.TensorSpec((None, *shape), array.dtype)


def spec_of(tensor: Any, any_shape: bool = False) -> tf.TensorSpec:
    """Returns the signature of a tensor."""
    shape = [None] * len(tensor.shape) if any_shape else tensor.shape
    return tf.TensorSpec(shape, tensor.dtype)


def has_unknown_rows(tensor: Tensor) -> bool:
    """Returns whether the first axis has any size, as that of a batch has."""
    return not tensor.shape[0]


def draw_seeds(key: Tensor, done: Tensor, count: int) -> list[Tensor]:
    """Returns a seed for each generator that no other chunk of samples has."""
    seed = tf.stack([key[0], key[1] + tf.cast(done, tf.int64)])
    shape = (count, 2)
    seeds = tf.random.stateless_uniform(shape, seed, 0, _SEEDS, dtype=tf.int64)
    return tf.unstack(seeds)


def repeat_rows(tensor: Tensor, count: Tensor) -> Tensor:
    """Repeats a batch along its first axis."""
    rest = [1] * (tensor.shape.rank - 1)
    return tf.tile(tensor, tf.stack([count, *rest]))


def stack_samples(tensor: Tensor, count: Tensor, rows: Tensor | None) -> Tensor:
    """Returns the outputs with an axis of samples in front."""
    if rows is None:
        return tensor[tf.newaxis]
    sizes = tf.shape(tensor)[1:]
    stacked = tf.reshape(tensor, tf.concat([[count, rows], sizes], axis=0))
    stacked.set_shape([None, None, *tensor.shape[1:]])
    return stacked


def bytes_per_row(length: int) -> int:
    """Returns how much memory a row takes in this trace: four of its largest tensors.

    Dropout alone holds its input, its random numbers, its mask and its output.

    Args:
        length: What to take for sizes that vary from batch to batch.
    """
    operations = tf.compat.v1.get_default_graph().get_operations()
    sizes = [_row_bytes(tensor, length) for op in operations for tensor in op.outputs]
    return max(1, 4 * max(sizes, default=0))


def _row_bytes(tensor: Any, length: int) -> int:
    if not tensor.shape.rank or tensor.shape[0] is not None:
        return 0
    return tensor.dtype.size * math.prod(size or length for size in tensor.shape[1:])
