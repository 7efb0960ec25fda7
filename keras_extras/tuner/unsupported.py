"""Ends a search in which every trial would fail alike, with the reason."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator

from keras_extras.running_trial import RunningTrial


@contextlib.contextmanager
def ends_the_search(trial: RunningTrial | None) -> Iterator[None]:
    """Ends the search where this package says that it cannot do something.

    KerasTuner takes any error for one of the trial: it prints it, goes on to the next
    and ends without one when all have failed.

    Args:
        trial: The trial that runs, or `None` outside of a search.
    """
    try:
        yield
    except NotImplementedError as error:
        if trial is None or not _is_ours(error):
            raise
        raise trial.fatal(str(error)) from error


def _is_ours(error: BaseException) -> bool:
    """Returns whether it was raised in this package, not in a model or in Keras."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).startswith("keras_extras.")
