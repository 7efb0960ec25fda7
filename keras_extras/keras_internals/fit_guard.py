"""Makes sure that something is undone when `fit` ends, however it ends.

Keras calls no hook of a callback when `fit` raises. What it does call are methods
of two objects that live as long as one `fit`: the list of callbacks, and the
iterator over the data, whose context manager encloses all training steps.
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.keras_internals.running_fit import local_of_fit

_HOOKS = (
    "on_epoch_begin",
    "on_epoch_end",
    "on_test_begin",
    "on_test_end",
    "on_train_end",
)


class FitGuard(keras.callbacks.Callback):
    """Comes after all other callbacks; begins with the last and ends with the last.

    Args:
        begin: Called once when all callbacks have begun.
        end: Called once when `fit` ends, by an exception too.
    """

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        super().__init__()
        self._begin = begin
        self._end: Callable[[], None] | None = end
        # Whatever slips through: the list of callbacks, and this with it, is freed.
        self._finalizer = weakref.finalize(self, end)
        self._finalizer.atexit = False

    def watch(self, callbacks: Any) -> None:
        """Joins a `keras.callbacks.CallbackList` whose `fit` runs now."""
        callbacks.callbacks.append(self)
        self.set_model(callbacks.model)
        for name in _HOOKS:
            setattr(callbacks, name, self._watched(getattr(callbacks, name)))
        self._watch_iterator(local_of_fit(callbacks, "epoch_iterator"))

    def on_train_begin(self, logs: Any = None) -> None:
        self._begin()

    def on_test_begin(self, logs: Any = None) -> None:
        self._watch_iterator(getattr(self.model, "_eval_epoch_iterator", None))

    def on_train_end(self, logs: Any = None) -> None:
        self.end()

    def end(self) -> None:
        """Calls what is to be called at the end, once."""
        end, self._end = self._end, None
        self._finalizer.detach()
        if end is None:
            return
        try:
            end()
        except Exception as error:  # `fit` has its own end, or an exception to raise
            warnings.warn(
                "keras_extras could not end its part in this training: "
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )

    def _watched(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self._ending_on_failure():
                return method(*args, **kwargs)

        return watched

    def _watch_iterator(self, iterator: Any) -> None:
        catch = getattr(iterator, "catch_stop_iteration", None)
        if catch is None or getattr(catch, "guard", None) is self:
            return

        @contextlib.contextmanager
        def catch_and_end() -> Iterator[None]:
            with self._ending_on_failure(), catch():
                yield

        # Functions take attributes, which their type does not say.
        catch_and_end.guard = self  # type: ignore[attr-defined]
        iterator.catch_stop_iteration = catch_and_end

    @contextlib.contextmanager
    def _ending_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.end()
            raise
