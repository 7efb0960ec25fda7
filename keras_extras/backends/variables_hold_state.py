from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Any


class VariablesHoldState:
    """Answers for backends on which the variables themselves hold all values.

    These are the parts of `keras_extras.backends.contract.Backend` that concern a
    state beside the variables, and steps that run on while Python is ahead.

    Attributes:
        runs_ahead: Whether Python is ahead of the steps.
        compiles: Whether a dry run is compiled at once.
    """

    runs_ahead = False
    compiles = False

    def split(self, arguments: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        return None, arguments

    def join(self, state: Any, data: tuple[Any, ...]) -> tuple[Any, ...]:
        return data

    def outcome(self, result: Any) -> tuple[Any, Any]:
        return result, None

    def is_ready(self, value: Any) -> bool:
        return True

    def state_now(self, model: Any) -> Any:
        return None

    def values(self, model: Any, state: Any) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def wait(self, state: Any) -> None: ...
