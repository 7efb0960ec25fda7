"""Opens the run that a callback writes to."""

from __future__ import annotations

import os
from collections.abc import Callable

from keras_extras.backends import processes
from keras_extras.keras_internals.fit_guard import FitGuard
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.log_dir import LogDir
from keras_extras.log_dir import directory_of
from keras_extras.running_trial import running_trial
from keras_extras.summaries.trial_session import TrialSession
from keras_extras.summaries.writer import SummaryWriter
from keras_extras.summaries.writer import open_writer
from keras_extras.warn_safely import warn_safely


def open_run(log_dir: LogDir, run: str) -> SummaryWriter | None:
    """Returns the writer of this training's run, which its callbacks share.

    Args:
        log_dir: As the callbacks take it. Of several processes that train together the
            first one alone has a writer.
        run: Name of the run beside those of a `TensorBoard`.

    Raises:
        ValueError: If the directory cannot be written to. In a search of KerasTuner
            it is one that ends the search: all trials would fail alike.
    """
    directory = directory_of(log_dir, run)
    if not _is_to_write():
        return None
    trial = running_trial()
    try:
        writer = open_writer(directory, callbacks_of_fit())
    except ValueError as error:
        if trial is None:
            raise
        raise trial.fatal(str(error)) from error
    if writer is not None and trial is not None and writer.session is None:
        parent, name = os.path.split(writer.directory)
        inside = trial.has_session and trial.owns(parent)
        writer.session = TrialSession(trial, name if inside else None)
    return writer


def _is_to_write() -> bool:
    try:
        return processes.is_first()
    except Exception as error:  # which is no reason to lose the log
        warn_safely(
            "keras_extras cannot tell whether another process writes the log, and "
            f"writes one: {type(error).__name__}: {error}",
            stacklevel=4,
        )
        return True


def end_with_fit(end: Callable[[], None]) -> None:
    """Has a function called at the end of the `fit` that begins now.

    Keras calls `on_train_end` of no callback when `fit` ends by an exception.
    """
    callbacks = callbacks_of_fit()
    if callbacks is not None:
        FitGuard(lambda: None, end).watch(callbacks)
