"""Disks that hang or are full, for tests."""

import os
import threading

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader


class Pipes:
    """Event files that are pipes: who writes to one waits until somebody reads.

    Args:
        hold: Boolean. Whether to let the writer open each, and fill its 64 KiB.
    """

    def __init__(self, hold=False):
        self.paths = []
        self.hold = hold
        self._ends = []
        self._threads = set(threading.enumerate())

    def open(self, file):
        """Takes the place of `EventFile._open`."""
        os.mkfifo(file.path)
        self.paths.append(file.path)
        if self.hold:
            self._ends.append(os.open(file.path, os.O_RDONLY | os.O_NONBLOCK))
        return open(file.path, "wb", buffering=0)

    def read(self):
        """Reads all pipes, until nobody writes to them any more."""
        contents = []
        for path in self.paths:
            with open(path, "rb", opener=_not_waiting) as reader:
                os.set_blocking(reader.fileno(), True)
                contents.append(reader.read())
        for end in self._ends:
            os.close(end)
        self.paths, self._ends = [], []
        return contents

    def release(self):
        """Reads what is left, and waits for all threads that have begun since."""
        self.read()
        for thread in set(threading.enumerate()) - self._threads:
            thread.join()


def _not_waiting(path, flags):
    return os.open(path, flags | os.O_NONBLOCK)


def fill(file):
    """Lets an open `EventFile` find its disk full from now on."""
    with open("/dev/full", "wb") as full:
        os.dup2(full.fileno(), file._file.fileno())


def events_in(directory):
    """Returns the events of all files in a directory."""
    paths = sorted(p for p in directory.iterdir() if "tfevents" in p.name)
    return [event for path in paths for event in EventFileLoader(str(path)).Load()]


def steps_in(directory, tag):
    """Returns the steps of a tag."""
    return [
        event.step
        for event in events_in(directory)
        if any(value.tag == tag for value in event.summary.value)
    ]
