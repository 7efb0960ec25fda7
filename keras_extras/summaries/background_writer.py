"""A thread that writes events, for which nobody waits longer than a few seconds."""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable
from collections.abc import Iterable

from keras_extras.summaries.event_file import EventFile

Job = Callable[[], Iterable[bytes]]

_FLUSH_SECONDS = 5.0
_MOST_BYTES = 64_000_000  # of what waits in the queue
_JOB_BYTES = 2_000  # at least, with all that belongs to it
_STALL_SECONDS = 3.0  # in which one call to the disk has not returned
_CLOSE_SECONDS = 30.0  # for a disk that answers, but slowly
_LOGGER = logging.getLogger("keras_extras")
_running: weakref.WeakSet[BackgroundWriter] = weakref.WeakSet()  # and some that ended


class BackgroundWriter:
    """Makes and writes events on a daemon thread, in the order they were queued.

    To queue an event takes microseconds and never waits. Where the disk is too slow or
    does not answer, the queue fills up to 64 MB; what comes then is dropped and
    counted, until half of it is written. When writing fails, because the disk is full
    or the file was removed, it ends for good, and all that follows is dropped and
    counted. A call to the disk that does not return within three seconds is not waited
    for, neither in `end` nor when Python ends; should it return later, the rest is
    still written.

    Args:
        directory: Path of the run's directory.
        last_words: Called before each flush, on the thread. Takes whether it is the
            last one and returns the events to write before it, serialised.

    Attributes:
        directory: Path of the run's directory.
        failure: The exception that ended the writing, or `None`.
        seconds: Float, processor time that the thread has used for events.

    Raises:
        OSError: If the event file cannot be made, and the disk says so in time.
    """

    def __init__(
        self, directory: str, last_words: Callable[[bool], Iterable[bytes]]
    ) -> None:
        self.directory = directory
        self.failure: Exception | None = None
        self.seconds = 0.0
        self._last_words = last_words
        self._queue: queue.SimpleQueue[tuple[Job | threading.Event | None, int]]
        self._queue = queue.SimpleQueue()
        self._offered = self._dropped = self._safe = 0  # events
        self._is_dropping = False
        # One thread counts the former, one the latter: there is nothing to lock.
        self._bytes_in = self._bytes_out = 0
        self._calling_since: float | None = None  # the disk
        self._ended = threading.Event()
        opened = threading.Event()
        threading.Thread(target=self._work, args=(opened,), daemon=True).start()
        _running.add(self)
        self._wait(opened)
        if self.failure is not None:
            raise self.failure

    def put(self, job: Job, size: int = 0) -> None:
        """Queues events to be made and written.

        Args:
            job: Function that returns them, serialised.
            size: Integer, bytes that `job` keeps in memory.
        """
        self._offered += 1
        size = max(size, _JOB_BYTES)
        if self._ended.is_set() or self._is_full(size):
            self._dropped += 1
        else:
            self._bytes_in += size
            self._queue.put((job, size))

    def _is_full(self, size: int) -> bool:
        waiting = self._bytes_in - self._bytes_out
        # One gap of some length tells more than every other step.
        most = _MOST_BYTES / 2 if self._is_dropping else _MOST_BYTES
        is_full = waiting > 0 and waiting + size > most
        if is_full and not self._dropped:
            _LOGGER.warning(
                "%s does not answer: summaries are dropped, and training goes on",
                self.directory,
            )
        self._is_dropping = is_full
        return is_full

    def flush(self) -> None:
        """Waits until all that was queued is in the file, as long as there is hope."""
        done = threading.Event()
        self._queue.put((done, 0))
        self._wait(done)

    def end(self, wait: bool = True) -> None:
        """Writes what is queued, closes the file and ends the thread.

        Args:
            wait: Whether to wait for it, as long as there is hope.
        """
        self._queue.put((None, 0))
        if wait:
            self._wait(self._ended)

    @property
    def is_ended(self) -> bool:
        """Returns whether the thread has ended, or is about to."""
        return self._ended.is_set()

    def losses(self) -> str | None:
        """Returns how much was not written and why, or `None` if all was."""
        lost = self._offered - self._safe
        if self._ended.is_set() and self.failure is None and not lost:
            return None
        reason: object = self.failure
        if self.failure is None:
            verb = "was too slow" if self._ended.is_set() else "does not answer"
            reason = f"the disk {verb}"
        return (
            f"{max(lost, 1)} of {max(self._offered, 1)} summaries are lost ({reason})"
        )

    def _wait(self, event: threading.Event) -> None:
        """Waits for the thread to set `event`, unless it stands still or has ended."""
        until = time.monotonic() + _CLOSE_SECONDS
        while not event.wait(0.02):
            now, since = time.monotonic(), self._calling_since
            stalled = since is not None and now - since >= _STALL_SECONDS
            if stalled or now >= until or self._ended.is_set():
                return

    def _work(self, opened: threading.Event) -> None:
        try:
            self._calling_since = time.monotonic()
            with contextlib.closing(EventFile(self.directory)) as file:
                self._calling_since = None
                opened.set()
                self._write_until_ended(file)
        except Exception as error:  # whatever it is, training must not notice
            self.failure = error
            if opened.is_set():
                _LOGGER.warning(
                    "%s cannot be written to any more, and training goes on: %s",
                    self.directory,
                    error,
                )
        finally:
            self._calling_since = None
            self._ended.set()
            self._last_words = lambda last: ()
            self._queue = queue.SimpleQueue()

    def _write_until_ended(self, file: EventFile) -> None:
        written = 0  # since the last flush
        flush_at = time.monotonic()
        while True:
            try:
                job, size = self._queue.get(timeout=max(flush_at - time.monotonic(), 0))
            except queue.Empty:
                job, size = threading.Event(), 0
            if callable(job):
                self._write(file, job)
                self._bytes_out += size
                written += 1
                if time.monotonic() < flush_at:
                    continue
            self._flush(file, last=job is None)
            self._safe += written
            written = 0
            flush_at = time.monotonic() + _FLUSH_SECONDS
            if job is None:
                return
            if isinstance(job, threading.Event):
                job.set()

    def _flush(self, file: EventFile, last: bool) -> None:
        self._write(file, functools.partial(self._last_words, last))
        self._calling_since = time.monotonic()
        file.flush()
        if last:
            file.close()  # a remote file may be written only now
        self._calling_since = None

    def _write(self, file: EventFile, job: Job) -> None:
        started = time.thread_time()
        for event in job():
            self._calling_since = time.monotonic()
            file.write(event)
            self._calling_since = None
        self.seconds += time.thread_time() - started


@atexit.register
def _end_all() -> None:
    running = [writer for writer in _running if not writer.is_ended]
    for writer in running:
        writer.end(wait=False)
    for writer in running:  # all disks at the same time
        writer.end()
        losses = writer.losses()
        if losses is not None:
            _LOGGER.warning("%s could not be written to: %s", writer.directory, losses)
