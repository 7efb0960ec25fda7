from __future__ import annotations

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
            loaded = None
            for batch in batches:
                tensors = self.flatten(batch)
                one = gen_dataset_ops.tensor_dataset(
                    tensors, [t.shape for t in tensors]
                )
                loaded = (
                    one
                    if loaded is None
                    else gen_dataset_ops.concatenate_dataset(
                        loaded, one, self.types, self.shapes
                    )
                )
            gen_dataset_ops.make_iterator(loaded, iterator._iterator_resource)
