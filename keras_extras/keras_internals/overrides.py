"""Sets attributes of Keras objects for a time, and puts back what was there.

Past `__setattr__`, with which Keras would track the value in the model or, for the
rate of an optimizer, stop tracking the variable that was there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_MISSING = object()


class Overrides:
    """Attributes of instances that stand in the place of others until `restore`."""

    def __init__(self) -> None:
        self._saved: list[tuple[dict[str, Any], str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Sets an attribute of `owner`, and remembers what it was, if it was any."""
        attributes = vars(owner)
        self._saved.append((attributes, name, attributes.get(name, _MISSING)))
        attributes[name] = value

    def restore(self) -> None:
        """Puts everything back, the last one first."""
        while self._saved:
            _put_back(*self._saved.pop())


@contextmanager
def attribute_set(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Sets an attribute of `owner` for as long as the context lasts."""
    overrides = Overrides()
    overrides.set(owner, name, value)
    try:
        yield
    finally:
        overrides.restore()


@contextmanager
def attributes_kept(owner: Any, *names: str) -> Iterator[None]:
    """Puts attributes of `owner` back at the end, whatever has set them meanwhile."""
    attributes = vars(owner)
    saved = {name: attributes.get(name, _MISSING) for name in names}
    try:
        yield
    finally:
        for name, value in saved.items():
            _put_back(attributes, name, value)


def _put_back(attributes: dict[str, Any], name: str, value: Any) -> None:
    if value is _MISSING:
        attributes.pop(name, None)
    else:
        attributes[name] = value
