"""Notices that an exception leaves a loop over batches which nothing encloses.

On torch, `fit` and `evaluate` of Keras run a plain `for` loop. What it goes through is
held by that loop alone, on the stack of its frame, which is cleared while an exception
passes through; the traceback keeps the local variables only. So the object that
yields the batches is gone at once then, whoever holds the exception.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from collections.abc import Iterator
from functools import cache
from typing import Any
from typing import cast


class WatchedLoop:
    """Calls functions when an exception leaves a loop over an iterator.

    Args:
        iterator: Keras' iterator over batches, which many loops may go through.
        callbacks: The `CallbackList` of the `fit`: the frames of its loops hold it.
        stop: Name of the attribute of the model that has Keras leave the loop.
    """

    def __init__(self, iterator: Any, callbacks: Any, stop: str) -> None:
        # Not held: when `fit` is left its iterator is to go at once.
        self._iterator = weakref.ref(iterator)
        self._class: Any = type(iterator)
        self._callbacks = callbacks
        self._stop = stop
        self._listeners: list[Callable[[], None]] = []
        iterator.keras_extras_watch = self
        # A `for` looks `__iter__` up in the class.
        # mypy takes a class for something that has no hash.
        iterator.__class__ = _watched(cast(Any, self._class))

    @classmethod
    def over(cls, iterator: Any, callbacks: Any, stop: str) -> WatchedLoop:
        """Returns what watches the loops over `iterator`, one for all who want to."""
        known = getattr(iterator, "keras_extras_watch", None)
        return cls(iterator, callbacks, stop) if known is None else known

    def join(self, listener: Callable[[], None]) -> None:
        """Has a function called when an exception leaves a loop."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def leave(self, listener: Callable[[], None]) -> None:
        """Has it called no more; the last one leaves the iterator as it was."""
        if listener in self._listeners:
            self._listeners.remove(listener)
            iterator = self._iterator()
            if not self._listeners and iterator is not None:
                iterator.__class__ = self._class
                del iterator.keras_extras_watch

    def encloses(self, frame: Any) -> bool:
        """Returns whether a frame is that of a loop to watch.

        Keras looks at a first batch in other places too, and leaves it at that.
        """
        return (
            frame is not None
            and frame.f_locals.get("callbacks") is self._callbacks
            and frame.f_locals.get("epoch_iterator") is self._iterator()
        )

    def left(self) -> None:
        """Is called when a loop ends before the data."""
        if not getattr(self._callbacks.model, self._stop, False):
            self.failed()

    def failed(self) -> None:
        """Is called when an exception leaves a loop."""
        for listener in list(self._listeners):
            listener()


@cache
def _watched(kind: type) -> type:
    """Returns a class of iterators whose loops are watched."""

    def __iter__(self: Any) -> Iterator[Any]:
        batches = kind.__iter__(self)  # type: ignore[attr-defined]
        watch = self.keras_extras_watch
        # No variable holds this frame itself, or it would live on, and so would `self`.
        caller = getattr(inspect.currentframe(), "f_back", None)
        return _Batches(batches, watch) if watch.encloses(caller) else batches

    return type(kind.__name__, (kind,), {"__iter__": __iter__})


class _Batches:
    """Yields the batches of one loop, which alone holds it."""

    def __init__(self, batches: Iterator[Any], watch: WatchedLoop) -> None:
        self._next = batches.__next__
        self._watch: WatchedLoop | None = watch

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return self._next()
        except StopIteration:
            self._watch = None
            raise
        except BaseException:  # whose traceback holds this one's frame
            watch, self._watch = self._watch, None
            if watch is not None:
                watch.failed()
            raise

    def __del__(self) -> None:
        if self._watch is not None:
            self._watch.left()
