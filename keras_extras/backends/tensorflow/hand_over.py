from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import NoReturn

import tensorflow as tf

from keras_extras.backends.tensorflow.local_batches import LocalBatches
from keras_extras.backends.tensorflow.replica_batches import ReplicaBatches


class HandOver:
    """Takes batches from the iterator that Keras made, and gives them back.

    Implements `keras_extras.backends.contract.HandOver`. The user's train function
    gets an iterator of the same specification, so that it runs the trace it has, on
    the very tensors that were fetched.

    Args:
        iterator: An iterator of `tf.data` or `tf.distribute`, as Keras hands it to the
            train function.

    Attributes:
        error: What the user's pipeline raised instead of a batch, or `None`.

    Raises:
        NotImplementedError: If a strategy spreads its input in a way that is not known.
    """

    def __init__(self, iterator: Any) -> None:
        self._element_spec = iterator.element_spec
        self._type_spec = iterator._type_spec
        distributed = isinstance(iterator, tf.distribute.DistributedIterator)
        self._batches: LocalBatches | ReplicaBatches
        self._batches = (ReplicaBatches if distributed else LocalBatches)(iterator)
        self.error: Exception | None = None

    def fits(self, iterator: Any) -> bool:
        """Returns whether `iterator` yields what this hand-over was made for."""
        # The same object from epoch to epoch; to compare takes longer.
        if getattr(iterator, "element_spec", None) is self._element_spec:
            return True
        return getattr(iterator, "_type_spec", None) == self._type_spec

    def fetch(self, arguments: tuple[Any, ...], limit: int = 1) -> list[Any] | None:
        """Returns at most `limit` batches; `None` if the data has ended already.

        What the user's pipeline raises is kept in `error`, as the batches before it
        are to be trained first. `raise_error` raises it.

        Raises:
            NotImplementedError: If as many cannot be handed over; none is fetched.
        """
        (iterator,) = arguments
        if self._batches.limit is not None and limit > self._batches.limit:
            raise NotImplementedError(
                "On devices of a strategy `steps_per_execution` must be 1. "
                f"Received: steps_per_execution={limit}"
            )
        batches: list[Any] = []
        while len(batches) < limit:
            try:
                batches.append(next(iterator))
            except StopIteration:
                return batches or None
            except Exception as error:
                self.error = error
                return batches
        return batches

    def give(self, *batches: Any) -> tuple[Any, ...]:
        """Returns arguments with which the user's function trains on `batches`.

        After them the iterator ends, without any at once.
        """
        return (self._batches.over(*batches),)

    def give_in_another_way(self, *batches: Any) -> tuple[Any, ...]:
        """Does what `give` does, with nothing that was used before."""
        return (self._batches.over_anew(*batches),)

    def raise_error(self, own: Callable[..., Any]) -> NoReturn:
        """Raises `error`, after the user's function has met one at the same place."""
        error, self.error = self.error, None
        assert error is not None
        try:
            own(self._batches.failing())
        except Exception:
            raise error from None
        raise error
