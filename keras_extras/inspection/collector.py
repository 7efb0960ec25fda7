"""Python's garbage collector, while much is made that is soon gone."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_users = 0


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keeps the collector from running: what is made meanwhile is freed without it.

    A dry run or a trace makes thousands of objects. They would wake the collector,
    which looks through all objects of the process: with TensorFlow that takes .3 s,
    and plain training of the same length often needs it not at all.
    """
    global _users
    with _lock:
        paused = _users > 0 or gc.isenabled()  # or the user has switched it off
        _users += paused
        if paused:
            gc.disable()
    try:
        yield
    finally:
        with _lock:
            _users -= paused
            if paused and not _users:
                gc.enable()
