from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops.iterator_ops import OwnedIterator
from tensorflow.python.data.util import structure as structures
from tensorflow.python.ops import gen_dataset_ops


class BatchSpec:
    """Describes the batches of an iterator, as a structure and as flat tensors.

    What is ragged, sparse or optional is flattened as `tf.data` itself carries it: as
    tensors of type variant, which refer to the parts and do not copy them.

    Args:
        structure: The `element_spec` of an iterator.

    Attributes:
        structure: The same.
        types: The types of the flat tensors.
        shapes: The shapes of the flat tensors, as far as they are known.
    """

    def __init__(self, structure: Any) -> None:
        self.structure = structure
        self.types = structures.get_flat_tensor_types(structure)
        self.shapes = structures.get_flat_tensor_shapes(structure)
        parts = tf.nest.flatten(structure)
        self._is_dense = all(isinstance(part, tf.TensorSpec) for part in parts)

    def flatten(self, batch: Any) -> list[Any]:
        """Returns the flat tensors of a batch."""
        if self._is_dense:  # a quarter of what handing over a batch takes otherwise
            return tf.nest.flatten(batch)
        return structures.to_tensor_list(self.structure, batch)

    def with_shapes(self, tensors: Any) -> tuple[Any, ...]:
        """Returns flat tensors of a batch that know what is known of their shapes."""
        tensors = tensors if isinstance(tensors, list) else [tensors]
        for tensor, shape in zip(tensors, self.shapes):
            tensor.set_shape(shape)
        return tuple(tensors)

    def dataset(self, flat: Any) -> Any:
        """Returns a dataset of batches from one of their flat tensors."""
        variant = tf.data.experimental.to_variant(flat.with_options(pass_on()))
        return tf.data.experimental.from_variant(variant, self.structure)

    def empty_iterator(self) -> Any:
        """Returns an iterator for such batches, which fails until it is loaded."""
        with tf.device("CPU:0"):
            resource = gen_dataset_ops.anonymous_iterator_v3(self.types, self.shapes)
        return OwnedIterator(components=[resource], element_spec=self.structure)

    def load(self, iterator: Any, batches: tuple[Any, ...]) -> None:
        """Makes an iterator of `empty_iterator` yield these batches, then end.

        It is made anew each time, which takes longer than a queue in the long run,
        but nothing has to be traced before.
        """
        with tf.device("CPU:0"):
            datasets = [self._of_one(batch) for batch in batches]
            loaded = functools.reduce(self._joined, datasets)
            loaded = gen_dataset_ops.options_dataset(
                loaded, _options(), self.types, self.shapes
            )
            gen_dataset_ops.make_iterator(loaded, iterator._iterator_resource)

    def _of_one(self, batch: Any) -> Any:
        tensors = self.flatten(batch)
        return gen_dataset_ops.tensor_dataset(tensors, [t.shape for t in tensors])

    def _joined(self, first: Any, second: Any) -> Any:
        return gen_dataset_ops.concatenate_dataset(
            first, second, self.types, self.shapes
        )


@functools.cache
def pass_on() -> tf.data.Options:
    """Returns options with which a pipeline starts no thread and is not rewritten."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    options.experimental_optimization.apply_default_optimizations = False
    options.experimental_optimization.inject_prefetch = False
    options.threading.private_threadpool_size = 0
    return options


@functools.cache
def _options() -> bytes:
    return pass_on()._to_proto().SerializeToString()
