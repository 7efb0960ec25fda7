"""Queues what callbacks say of a training for its event file."""

from __future__ import annotations

import functools
import os
import weakref
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from keras_diagnostics import schema
from keras_extras.summaries.background_writer import BackgroundWriter
from keras_extras.warn_safely import warn_safely

if TYPE_CHECKING:
    from keras_extras.inspection.step_log import StepLog
    from keras_extras.records.finding import Finding
    from keras_extras.records.step_records import StepRecords
    from keras_extras.summaries.trial_session import TrialSession

_open: weakref.WeakSet[SummaryWriter] = weakref.WeakSet()


def open_writer(directory: str | None, fit: Any = None) -> SummaryWriter | None:
    """Returns the writer of `directory`, which the callbacks of one training share.

    What another training has queued for the same directory is written first.

    Args:
        directory: Path of the run's directory, or `None`.
        fit: The `keras.callbacks.CallbackList` of the training, or `None`.

    Raises:
        ValueError: If the directory cannot be written to.
    """
    if directory is None:
        return None
    key = os.path.abspath(directory) if "://" not in directory else directory
    for writer in [w for w in _open if w.directory == key and not w.is_finished]:
        if writer.belongs_to(fit):
            writer.users += 1
            return writer
        writer.finish() if writer.is_orphan else writer.flush()
    try:
        writer = SummaryWriter(key, fit)
    except Exception as error:
        raise ValueError(
            "`log_dir` must be a directory that can be written to. "
            f"Received: log_dir={directory!r} ({error})"
        ) from error
    _open.add(writer)
    writer.users = 1
    return writer


class SummaryWriter:
    """Appends to one event file, which the callbacks of one training share.

    All is queued, built and written on a thread of the writer's own: neither a disk
    that hangs nor one that is full makes the training wait or fail. What is lost to
    them is counted, and told in one warning when the writer is closed.

    Args:
        directory: Path of the run's directory, which is made if needed.
        fit: The `keras.callbacks.CallbackList` of the training, or `None`.

    Attributes:
        directory: As given.
        session: What is to be said of the trial of a search that this run is of, or
            `None` outside of one.
        step_log: What is known of every step, or `None` if nobody notes it.
        users: Integer, how many callbacks have opened it and not closed it.

    Raises:
        OSError: If the directory cannot be written to.
    """

    def __init__(self, directory: str, fit: Any = None) -> None:
        from keras_extras.summaries.run_events import RunEvents

        self.directory = directory
        self.session: TrialSession | None = None
        self.step_log: StepLog | None = None
        self.users = 0
        self._fit = None if fit is None else weakref.ref(fit)
        self._finished = False
        self._reported_seconds = 0.0
        self._events = RunEvents()
        self._background = BackgroundWriter(directory, self._events.last_words)
        # Without a training, or a callback, nobody is left who would close it. Neither
        # is a good moment to wait.
        for owner in (self, fit) if fit is not None else (self,):
            ending = weakref.finalize(owner, self._background.end, wait=False)
            ending.atexit = False

    @property
    def is_finished(self) -> bool:
        """Returns whether it takes nothing any more."""
        return self._finished

    def belongs_to(self, fit: Any) -> bool:
        """Returns whether it belongs to that `CallbackList`, or to none for `None`."""
        return fit is None if self._fit is None else fit is self._fit()

    @property
    def is_orphan(self) -> bool:
        """Returns whether the training that it belongs to is over, without a word."""
        return self._fit is not None and self._fit() is None

    def records(self, records: StepRecords, thin: bool = False) -> None:
        """Queues the statistics of some steps.

        Args:
            records: The steps, later than those before.
            thin: Whether some may be left out of a long training, when the callback
                samples as it sees fit. Those that were asked for are all written.
        """
        size = _bytes_per_row(records)
        for row in range(len(records.steps)):
            job = functools.partial(self._events.records, records, row, thin)
            self._background.put(job, size)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Queues scalars."""
        self._background.put(functools.partial(self._events.scalars, step, values))

    def findings(self, step: int, findings: Sequence[Finding]) -> None:
        """Queues the findings as they are now."""
        findings = tuple(findings)
        self._background.put(functools.partial(self._events.findings, step, findings))

    def about(self, values: Mapping[str, Any]) -> None:
        """Queues hyperparameters and the like, which hold for the whole run."""
        self._background.put(functools.partial(self._events.about, values))

    def best_constant(self, loss: float) -> None:
        """Queues what the best constant prediction would lose, to compare with."""
        self._background.put(functools.partial(self._events.best_constant, loss))

    def epoch(self, step: int, epoch: int, logs: Mapping[str, Any]) -> None:
        """Queues the logs of an epoch that ended before `step`."""
        logs = {name: schema.as_number(value) for name, value in logs.items()}
        self._background.put(functools.partial(self._events.epoch, step, epoch, logs))
        self.score(epoch, logs)

    def curve(self, step: int, curve: Mapping[str, Any]) -> None:
        """Queues what is known of every step so far, which replaces what was."""
        self._background.put(functools.partial(self._events.curve, step, curve))

    def score(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Queues the score that a trial of a search has after an epoch."""
        if self.session is not None:
            self.scalars(epoch, self.session.end_epoch(epoch, logs))

    def sweep(self, step: int, sweep: Mapping[str, Any]) -> None:
        """Queues what a sweep over learning rates has shown."""
        from keras_extras.summaries.events import document_value

        self._put(step, lambda: [document_value("sweep", sweep)])

    def seconds_spent(self) -> float:
        """Returns the processor time used since the last call."""
        seconds = self._background.seconds - self._reported_seconds
        self._reported_seconds += seconds
        return seconds

    def flush(self) -> None:
        """Waits until all that is queued is written, as long as there is hope."""
        self._background.flush()

    def close(self) -> None:
        """Writes all that is queued, and ends when the last user closes it.

        Returns in any case: it waits three seconds for a disk that does not answer,
        half a minute for one that is slow. Warns if anything was lost.
        """
        self.users -= 1
        if self.users > 0:
            self.flush()
        else:
            self.finish()

    def finish(self) -> None:
        """Writes all that is queued and ends, whoever still uses it."""
        if self._finished:
            return
        self._finished = True
        if self.session is not None:
            self._put(self.session.epoch, self.session.values)
        self._background.end()
        self._warn_of_losses()

    def _put(self, step: int, build: Callable[[], list[Any]]) -> None:
        self._background.put(functools.partial(self._events.values, step, build))

    def _warn_of_losses(self) -> None:
        losses = self._background.losses()
        if losses is not None:
            warn_safely(
                f"`log_dir` could not be written to: {losses}. Training was not "
                f"affected. Received: log_dir={self.directory!r}",
                stacklevel=4,
            )


def _bytes_per_row(records: StepRecords) -> int:
    arrays = [*records.values_of_step.values(), *records.statistics.values()]
    for histograms in records.histograms.values():
        arrays += histograms.values()
    return sum(array.nbytes for array in arrays) // max(len(records.steps), 1)
