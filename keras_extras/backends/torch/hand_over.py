from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import NoReturn

from keras_extras.backends.torch.batch_ring import as_in_training


class HandOver:
    """Hands on the batches that Keras has fetched itself.

    Implements `keras_extras.backends.contract.HandOver`: on torch the train function
    gets the list of the batches of an execution.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def fits(self, data: Any) -> bool:
        return True

    def fetch(self, arguments: tuple[Any, ...], limit: int) -> list[Any] | None:
        (data,) = arguments
        return list(data)

    def give(self, *batches: Any) -> tuple[Any, ...]:
        return ([as_in_training(batch) for batch in batches],)

    def give_in_another_way(self, *batches: Any) -> tuple[Any, ...]:
        return ([getattr(batch, "batch", batch) for batch in batches],)

    def raise_error(self, own: Callable[..., Any]) -> NoReturn:
        error, self.error = self.error, None
        assert error is not None
        raise error
