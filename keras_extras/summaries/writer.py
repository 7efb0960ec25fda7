"""Writes event files on a thread of their own."""

from __future__ import annotations

import atexit
import functools
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from keras_diagnostics import schema
from keras_extras.summaries.run_document import RunDocument

if TYPE_CHECKING:
    from keras_extras.records.finding import Finding
    from keras_extras.records.step_records import StepRecords
    from keras_extras.summaries.trial_session import TrialSession

_Job = tuple[int, Callable[[], list[Any]]]
_FLUSH_SECONDS = 5.0
_open: dict[str, SummaryWriter] = {}


def open_writer(directory: str | None) -> SummaryWriter | None:
    """Returns the writer of `directory`, which callbacks of one training share.

    Raises:
        ValueError: If the directory cannot be written to.
    """
    if directory is None:
        return None
    key = os.path.abspath(directory) if "://" not in directory else directory
    if key not in _open:
        _open[key] = SummaryWriter(key)
    _open[key].users += 1
    return _open[key]


class SummaryWriter:
    """Appends to one event file; a failure to write ends the writing, no more.

    Building and writing summaries happens on a thread of the writer's own. When
    that thread fails, because the disk is full or the file is gone, it stores the
    failure for `take_failure` and drops what follows.

    Args:
        directory: Path of the run's directory, which is made if needed.

    Attributes:
        session: What is to be said of the trial of a search that this run is of, or
            `None` outside of one.
    """

    def __init__(self, directory: str) -> None:
        self.users = 0
        self.directory = directory
        self.session: TrialSession | None = None
        self._known_tags: set[str] = set()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._failure: Exception | None = None
        self._failed = False
        self._seconds = self._reported_seconds = 0.0
        self._run = RunDocument()
        self._path, self._file = _create(directory)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        atexit.register(self._finish)

    def records(self, records: StepRecords) -> None:
        """Queues the statistics of some steps."""
        for row, step in enumerate(records.steps.tolist()):
            self._put(step, functools.partial(self._record_values, records, row))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Queues scalars."""
        from keras_extras.summaries.events import scalar_values

        def build() -> list[Any]:
            self._run.saw_values(values)
            return scalar_values(values)

        self._put(step, build)

    def findings(self, step: int, findings: Sequence[Finding]) -> None:
        """Queues the findings as they are now."""
        from keras_extras.summaries.events import finding_values

        self._put(step, lambda: finding_values(findings))

    def about(self, values: Mapping[str, Any]) -> None:
        """Queues hyperparameters and the like, which hold for the whole run."""

        def build() -> list[Any]:
            self._run.describe(values)
            return []

        self._put(0, build)

    def epoch(self, step: int, epoch: int, logs: Mapping[str, Any]) -> None:
        """Queues the logs of an epoch that ended before `step`."""
        from keras_extras.summaries.events import document_value

        logs = {name: schema.as_number(value) for name, value in logs.items()}
        document = {"epoch": epoch, "logs": logs}
        self._put(step, lambda: [document_value("epoch", document)])
        self.score(epoch, logs)

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
        seconds = self._seconds - self._reported_seconds
        self._reported_seconds += seconds
        return seconds

    def take_failure(self) -> Exception | None:
        """Returns why writing ended, once."""
        failure, self._failure = self._failure, None
        return failure

    def close(self) -> None:
        """Writes all that is queued and ends, when the last user closes it."""
        self.users -= 1
        if self.users <= 0:
            _open.pop(self.directory, None)
            atexit.unregister(self._finish)
            if self.session is not None:
                self._put(self.session.epoch, self.session.values)
            self._finish()

    def _finish(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _put(self, step: int, build: Callable[[], list[Any]]) -> None:
        if not self._failed:
            self._queue.put((step, build))

    def _work(self) -> None:
        try:
            self._write_until_closed()
            self._file.close()
        except Exception as error:  # whatever it is, training must not notice
            self._failure, self._failed = error, True

    def _write_until_closed(self) -> None:
        flush_at = time.monotonic()
        while True:
            wait = max(flush_at - time.monotonic(), 0.0)
            try:
                job = self._queue.get(timeout=wait)
            except queue.Empty:
                self._flush()
                flush_at = time.monotonic() + _FLUSH_SECONDS
                continue
            if job is None:
                self._flush()
                return
            self._write(*job)

    def _record_values(self, records: StepRecords, row: int) -> list[Any]:
        from keras_extras.summaries.events import record_values

        self._run.saw_records(records, row)
        return record_values(records, row)

    def _write(self, step: int, build: Callable[[], list[Any]]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        from keras_extras.summaries.events import without_metadata

        started = time.thread_time()
        values = without_metadata(build(), self._known_tags)
        if not values:
            return
        summary = Summary(value=values)
        event = Event(wall_time=time.time(), step=step, summary=summary)
        self._file.write(event.SerializeToString())
        self._seconds += time.thread_time() - started

    def _flush(self) -> None:
        from keras_extras.summaries.events import document_value

        document = self._run.take()
        if document is not None:
            value = document_value("run", document)
            self._write(self._run.last_step, lambda: [value])
        self._file.flush()
        if not _exists(self._path):
            raise FileNotFoundError(f"the event file was removed: {self._path}")


def _create(directory: str) -> tuple[str, Any]:
    """Makes an event file and returns its path and TensorBoard's writer for it."""
    from tensorboard.compat import tf
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    stamp = f"{time.time():.6f}".replace(".", "")
    name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}"
    path = os.path.join(directory, f"{name}.{os.getpid()}.{stamp}.keras_extras")
    try:
        tf.io.gfile.makedirs(directory)
        file = RecordWriter(tf.io.gfile.GFile(path, "wb"))
        header = Event(wall_time=time.time(), file_version="brain.Event:2")
        file.write(header.SerializeToString())
        file.flush()
    except Exception as error:
        raise ValueError(
            "`log_dir` must be a directory that can be written to. "
            f"Received: log_dir={directory!r} ({error})"
        ) from error
    return path, file


def _exists(path: str) -> bool:
    from tensorboard.compat import tf

    return bool(tf.io.gfile.exists(path))
