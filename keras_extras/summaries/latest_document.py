"""A document that later ones replace."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

from keras_extras.summaries.spacing import Spacing

_MOST_CHANGES = 64


class LatestDocument:
    """Holds a document until it is due; one that comes before takes its place.

    It is due as its spacing says, and at once when its key is another, up to 64 times.

    Args:
        spacing: A `Spacing`.
    """

    def __init__(self, spacing: Spacing) -> None:
        self._spacing = spacing
        self._held: tuple[int, Any, Callable[[], list[Any]]] | None = None
        self._written_key: Any = None
        self._changes = 0

    def replace(
        self, step: int, build: Callable[[], list[Any]], key: Any = None
    ) -> None:
        """Takes a document.

        Args:
            step: Integer, at which it is to be written.
            build: Function that returns it as values of a summary.
            key: What matters most in it.
        """
        self._held = (step, key, build)

    def take(self, last: bool = False) -> Iterator[tuple[int, list[Any]]]:
        """Yields step and values if they are due, or if this is the last time."""
        if self._held is None:
            return
        step, key, build = self._held
        is_new = key != self._written_key and self._changes < _MOST_CHANGES
        if last or is_new or self._spacing.is_due(step):
            self._held, self._written_key = None, key
            self._changes += is_new
            values = build()
            self._spacing.wrote(step, sum(value.ByteSize() for value in values))
            yield step, values
