from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import NoReturn


class PlainHandOver:
    """Takes batches from a Python iterator, and gives them back in another.

    Implements `keras_extras.backends.contract.HandOver`.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def fits(self, data: Any) -> bool:
        return not hasattr(data, "element_spec")

    def fetch(self, arguments: tuple[Any, ...], limit: int) -> list[Any] | None:
        (data,) = arguments
        batches: list[Any] = []
        while len(batches) < limit:
            try:
                batches.append(next(data))
            except StopIteration:
                return batches or None
            except Exception as error:  # once the batches before it are trained
                self.error = error
                return batches
        return batches

    def give(self, *batches: Any) -> tuple[Any, ...]:
        return (iter(batches),)

    def give_in_another_way(self, *batches: Any) -> tuple[Any, ...]:
        return self.give(*batches)

    def raise_error(self, own: Callable[..., Any]) -> NoReturn:
        error, self.error = self.error, None
        assert error is not None
        raise error
