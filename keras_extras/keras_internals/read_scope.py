from __future__ import annotations

from typing import Any

from keras_extras.keras_internals.dry_scope import DryScope


class ReadScope(DryScope):
    """Keeps writes to itself, and notes which Keras variables are read and written.

    Attributes:
        read: The variables that were read, by their ids.
        written: Ids of the variables that were written to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[int, Any] = {}
        self.written: set[int] = set()

    def get_current_value(self, variable: Any) -> Any:
        self.read[id(variable)] = variable
        return super().get_current_value(variable)

    def add_update(self, update: tuple[Any, Any]) -> None:
        self.written.add(id(update[0]))
        super().add_update(update)
