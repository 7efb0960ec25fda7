from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import NoReturn

import tensorflow as tf
from tensorflow.python.data.ops.iterator_ops import OwnedIterator
from tensorflow.python.data.util import structure
from tensorflow.python.ops import gen_dataset_ops

from keras_extras.backends.tensorflow.batch_queue import BatchQueue


class HandOver:
    """Takes batches from the iterator that Keras made, and gives them back.

    Implements `keras_extras.backends.contract.HandOver`. The user's train function
    gets an iterator of the same specification, so that it runs the trace it has, on
    the very tensors that were fetched.

    Args:
        iterator: An iterator as Keras hands it to the train function.

    Attributes:
        error: What the user's pipeline raised instead of a batch, or `None`.
    """

    def __init__(self, iterator: Any) -> None:
        self._spec = iterator.element_spec
        self._queue = BatchQueue(self._spec)
        self.error: Exception | None = None

    def fits(self, iterator: Any) -> bool:
        """Returns whether `iterator` yields what this hand-over was made for."""
        spec = iterator.element_spec
        return spec is self._spec or spec == self._spec

    def fetch(self, arguments: tuple[Any, ...], limit: int = 1) -> list[Any] | None:
        """Returns at most `limit` batches; `None` if the data has ended already.

        What the user's pipeline raises is kept in `error`, as the batches before it
        are to be trained first. `raise_error` raises it.
        """
        (iterator,) = arguments
        batches: list[Any] = []
        while len(batches) < limit:
            try:
                batches.append(iterator.get_next())
            except tf.errors.OutOfRangeError:
                return batches or None
            except Exception as error:
                self.error = error
                return batches
        return batches

    def give(self, *batches: Any) -> tuple[Any, ...]:
        """Returns arguments with which the user's function trains on `batches`.

        After them the iterator ends, without any at once.
        """
        for batch in batches:
            self._queue.put(batch)
        return (self._queue.iterator,)

    def give_in_another_way(self, *batches: Any) -> tuple[Any, ...]:
        """Does what `give` does with nothing that was used before; it takes longer."""
        self._queue.clear()
        iterator = self._uninitialised()
        types = iterator._flat_output_types
        shapes = iterator._flat_output_shapes
        with tf.device("CPU:0"):
            dataset = None
            for batch in batches:
                tensors = structure.to_tensor_list(self._spec, batch)
                one = gen_dataset_ops.tensor_dataset(
                    tensors, [tensor.shape for tensor in tensors]
                )
                dataset = (
                    one
                    if dataset is None
                    else gen_dataset_ops.concatenate_dataset(
                        dataset, one, types, shapes
                    )
                )
            gen_dataset_ops.make_iterator(dataset, iterator._iterator_resource)
        return (iterator,)

    def raise_error(self, own: Callable[..., Any]) -> NoReturn:
        """Raises `error`, after the user's function has met one at the same place."""
        error, self.error = self.error, None
        assert error is not None
        try:
            own(self._uninitialised())
        except Exception:
            raise error from None
        raise error

    def _uninitialised(self) -> Any:
        types = structure.get_flat_tensor_types(self._spec)
        shapes = structure.get_flat_tensor_shapes(self._spec)
        with tf.device("CPU:0"):
            resource = gen_dataset_ops.anonymous_iterator_v3(types, shapes)
        return OwnedIterator(components=[resource], element_spec=self._spec)
