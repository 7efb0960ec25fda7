from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any
from typing import NoReturn


class PlainHandOver:
    """Takes batches from a Python iterator, as `train_on_batch` makes one.

    Implements `keras_extras.backends.contract.HandOver`.
    """

    error: Exception | None = None

    def fits(self, data: Any) -> bool:
        return not hasattr(data, "element_spec")

    def fetch(self, arguments: tuple[Any, ...], limit: int) -> list[Any] | None:
        return list(itertools.islice(arguments[0], limit)) or None

    def give(self, *batches: Any) -> tuple[Any, ...]:
        return (iter(batches),)

    def give_in_another_way(self, *batches: Any) -> tuple[Any, ...]:
        return self.give(*batches)

    def raise_error(self, own: Callable[..., Any]) -> NoReturn:
        raise AssertionError("nothing is caught here")
