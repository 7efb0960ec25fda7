"""Makes sure that something is undone when `fit` ends, however it ends.

Keras calls no hook of a callback when `fit` raises. What it does call are methods
of two objects that live as long as one `fit`: the list of callbacks, and the
iterator over the data, whose context manager encloses all training steps. On torch
it does not, and what the loop over the data holds is watched instead.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.keras_internals.running_fit import local_of_fit
from keras_extras.keras_internals.watched_loop import WatchedLoop
from keras_extras.warn_safely import warn_safely

_HOOKS = (
    "on_epoch_begin",
    "on_epoch_end",
    "on_test_begin",
    "on_test_end",
    "on_train_end",
)
# Between one that stops the training and one that raises, a loop that nothing encloses
# seems to be left by `break`.
_HOOKS_IN_LOOPS = ("on_train_batch_end", "on_test_batch_end")


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
        self._finalizers = [weakref.finalize(self, end)]
        self._finalizers[-1].atexit = False
        self._callbacks: Any = None
        self._loops: list[WatchedLoop] = []

    def watch(self, callbacks: Any) -> None:
        """Joins a `keras.callbacks.CallbackList` whose `fit` runs now."""
        callbacks.callbacks.append(self)
        self.set_model(callbacks.model)
        more = _HOOKS_IN_LOOPS if _runs_plain_loops() else ()
        for name in (*_HOOKS, *more):
            setattr(callbacks, name, self._watched(getattr(callbacks, name)))
        iterator = local_of_fit(callbacks, "epoch_iterator")
        if not _runs_plain_loops():
            self._watch_iterator(iterator)
        elif iterator is not None:
            self._callbacks = callbacks
            self._watch_loop(iterator, "stop_training")
        if iterator is not None and keras.backend.backend() != "tensorflow":
            # For what raises between two loops: it goes with the frame of `fit`, where
            # threads of Keras may hold the list of callbacks for a moment longer.
            self._finalizers.append(weakref.finalize(iterator, self.end))
            self._finalizers[-1].atexit = False

    def on_train_begin(self, logs: Any = None) -> None:
        self._begin()

    def on_test_begin(self, logs: Any = None) -> None:
        iterator = getattr(self.model, "_eval_epoch_iterator", None)
        if not _runs_plain_loops():
            self._watch_iterator(iterator)
        elif iterator is not None and self._callbacks is not None:
            self._watch_loop(iterator, "stop_evaluating")

    def on_train_end(self, logs: Any = None) -> None:
        self.end()

    def end(self) -> None:
        """Calls what is to be called at the end, once."""
        end, self._end = self._end, None
        for finalizer in self._finalizers:
            finalizer.detach()
        for loop in self._loops:
            loop.leave(self.end)
        self._callbacks, self._loops = None, []
        if end is None:
            return
        self._give_variables_their_values()
        try:
            end()
        except Exception as error:  # `fit` has its own end, or an exception to raise
            warn_safely(
                "keras_extras could not end its part in this training: "
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )

    def _give_variables_their_values(self) -> None:
        """Ends the time in which variables have none: the middle of an epoch on JAX.

        Keras does so when `fit` is left, which would undo what is put back before.
        """
        synchronize = getattr(self._model, "jax_state_sync", None)
        if synchronize is not None:
            with contextlib.suppress(Exception):  # a step that failed took them along
                synchronize()

    def _watched(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self._ending_on_failure():
                return method(*args, **kwargs)

        return watched

    def _watch_loop(self, iterator: Any, stop: str) -> None:
        loop = WatchedLoop.over(iterator, self._callbacks, stop)
        loop.join(self.end)
        self._loops.append(loop)

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


def _runs_plain_loops() -> bool:
    """Returns whether nothing of Keras encloses the loop over the batches."""
    return keras.backend.backend() == "torch"
