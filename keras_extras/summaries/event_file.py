"""One event file: a record for each event, with checksums."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import Any

from keras_extras import files
from keras_extras.summaries.crc32c import masked_crc32c

_BUFFER_BYTES = 1_000_000


class EventFile:
    """Appends to a new event file of a run's directory.

    Local files are not written with TensorFlow's functions: those hold Python's lock
    while they wait for the disk, and the training with it. What is written reaches the
    file with `flush` or when there is much of it, in whole events while there is space.

    Args:
        directory: Path of the directory, which is made if needed, or a URL that
            TensorFlow, or TensorBoard on another backend, can write to.

    Attributes:
        path: Path of the file.
    """

    def __init__(self, directory: str) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        now = time.time()
        stamp = f"{now:.6f}".replace(".", "")
        name = f"events.out.tfevents.{int(now)}.{socket.gethostname()}"
        self._is_local = files.is_local(directory)
        self.path = os.path.join(
            directory, f"{name}.{os.getpid()}.{stamp}.keras_extras"
        )
        files.make_directory(directory)
        self._file = self._open()
        self._buffer = bytearray()
        header = Event(wall_time=now, file_version="brain.Event:2")
        self.write(header.SerializeToString())
        try:
            self.flush()
        except Exception:
            self.close()
            raise

    def write(self, event: bytes) -> None:
        """Appends a serialised event."""
        length = struct.pack("<Q", len(event))
        self._buffer += length + struct.pack("<I", masked_crc32c(length))
        self._buffer += event
        self._buffer += struct.pack("<I", masked_crc32c(event))
        if len(self._buffer) >= _BUFFER_BYTES:
            self._write_buffer()

    def flush(self) -> None:
        """Has all that was written reach the file.

        Raises:
            OSError: If it cannot, or the file is there no longer.
        """
        self._write_buffer()
        self._file.flush()
        if not files.exists(self.path):
            raise FileNotFoundError(f"the event file was removed: {self.path}")

    def close(self) -> None:
        """Closes the file, without what was not flushed."""
        self._file.close()

    def _write_buffer(self) -> None:
        if not self._is_local:
            self._file.write(bytes(self._buffer))
        else:
            rest = memoryview(bytes(self._buffer))
            while rest:  # not all at once on a disk that is nearly full, or a pipe
                rest = rest[self._file.write(rest) :]
        self._buffer.clear()

    def _open(self) -> Any:
        if self._is_local:
            return open(self.path, "wb", buffering=0)
        return files.remote_files().GFile(self.path, "wb")
