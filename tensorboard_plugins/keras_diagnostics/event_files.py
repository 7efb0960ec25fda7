"""The frame of event files: records with checksums, read without TensorFlow."""

from __future__ import annotations

import functools
import itertools
import os
import stat
import struct
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

_HEAD, _TAIL = 12, 4  # length with its checksum before the data, checksum after them
_LONGEST = 1 << 31  # no tensor is larger, so a length above it is damage
_CASTAGNOLI = 0x82F63B78
_WIDTH = 256
_BATCH_BYTES = 4_000_000


@dataclass(frozen=True)
class Fault:
    """Says where a file can be read no further, and why.

    Attributes:
        offset: Integer, the byte where the record begins.
        kind: `"truncated"` if the file ends within it, `"damaged"` otherwise.
    """

    offset: int
    kind: str


class Records:
    """The records of an event file, from an offset to its end or its first fault.

    Args:
        path: Path of the file.
        offset: Integer, the byte where a record begins.

    Attributes:
        offset: Integer, the byte after the last good record.
        fault: A `Fault`, or `None`.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path, self.offset = path, offset
        self.fault: Fault | None = None
        self._ahead: Fault | None = None
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            self._size = os.fstat(file.fileno()).st_size
            file.seek(self.offset)
            while self.fault is None:
                batch = self._batch(file)
                if not batch:
                    return
                sums = checksums_of([data for data, _ in batch])
                for (data, checksum), expected in zip(batch, sums):
                    if masked(expected) != checksum:
                        self._stop("damaged")
                        return
                    self.offset += _HEAD + len(data) + _TAIL
                    yield data

    def skim(self) -> None:
        """Goes to the end from record to record, without looking at the data."""
        size = self.path.stat().st_size
        with open(self.path, "rb") as file:
            while self.fault is None:
                file.seek(self.offset)
                head = self._head(file)
                if isinstance(head, str):
                    self._stop(head)
                elif head is None:
                    return
                elif self.offset + _HEAD + head + _TAIL > size:
                    self._stop("truncated")
                else:
                    self.offset += _HEAD + head + _TAIL

    def _batch(self, file: BinaryIO) -> list[tuple[bytes, int]]:
        """Returns some records and their checksums: together they are quicker."""
        batch, size, offset = [], 0, self.offset
        while size < _BATCH_BYTES and self._ahead is None:
            record = self._next(file)
            if isinstance(record, str):
                self._ahead = Fault(offset + size, record)
                continue
            if record is None:
                break
            batch.append(record)
            size += _HEAD + len(record[0]) + _TAIL
        if not batch and self._ahead is not None:
            self.fault = self._ahead
        return batch

    def _next(self, file: BinaryIO) -> tuple[bytes, int] | str | None:
        """Returns a record, the kind of its fault, or `None` at the end."""
        head = self._head(file)
        if head is None or isinstance(head, str):
            return head
        if head + _TAIL > self._size - file.tell():  # before room is made for it
            return "truncated"
        rest = file.read(head + _TAIL)
        if len(rest) < head + _TAIL:
            return "truncated"
        return rest[:head], struct.unpack("<I", rest[head:])[0]

    def _head(self, file: BinaryIO) -> int | str | None:
        """Returns the length of a record, the kind of its fault, or `None`."""
        head = file.read(_HEAD)
        if not head:
            return None
        if len(head) < _HEAD:
            return "truncated"
        length, checksum = struct.unpack("<QI", head)
        if length > _LONGEST or masked(_bytewise(head[:8])) != checksum:
            return "damaged"
        return int(length)

    def _stop(self, kind: str) -> None:
        self.fault = Fault(self.offset, kind)


def event_files(folder: Path) -> list[Path]:
    """Returns the event files of a directory, oldest first.

    To open what is no file, such as a pipe, could take for ever.
    """
    try:
        named = sorted(p for p in folder.iterdir() if "tfevents" in p.name)
    except (OSError, ValueError):
        return []
    return [path for path in named if _is_file(path)]


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def masked(checksum: int) -> int:
    """Returns a checksum as records hold it."""
    rotated = (checksum >> 15 | checksum << 17) & 0xFFFFFFFF
    return (rotated + 0xA282EAD8) & 0xFFFFFFFF


def checksums_of(records: Sequence[bytes]) -> list[int]:
    """Returns the CRC-32C of each record.

    A checksum is linear: lines of equal length are summed up side by side, then
    those of a record are joined, each shifted by what follows it.
    """
    counts = [len(_lines(data)) for data in records]
    lines = np.concatenate([_lines(data) for data in records])
    table = _table()
    sums = np.zeros(len(lines), np.uint32)
    for column in np.ascontiguousarray(lines.T):
        sums = table[(sums ^ column) & 0xFF] ^ (sums >> 8)
    remaining = iter(sums.tolist())
    return [
        _join(itertools.islice(remaining, count)) if len(data) >= 4 else _bytewise(data)
        for count, data in zip(counts, records)
    ]


def _lines(data: bytes) -> np.ndarray:
    """Returns data as lines, after zeros, which change no sum that starts at 0."""
    if len(data) < 4:
        return np.zeros((0, _WIDTH), np.uint8)
    padding = -len(data) % _WIDTH
    lines = np.frombuffer(bytes(padding) + data, np.uint8).copy()
    lines[padding : padding + 4] ^= 0xFF  # the start value, as data
    return lines.reshape(-1, _WIDTH)


def _join(sums: Iterable[int]) -> int:
    first, second, third, fourth = _shift_tables()
    total = 0
    for line in sums:
        shifted = first[total & 0xFF] ^ second[total >> 8 & 0xFF]
        total = shifted ^ third[total >> 16 & 0xFF] ^ fourth[total >> 24] ^ line
    return total ^ 0xFFFFFFFF


def _bytewise(data: bytes) -> int:
    table = _table_list()
    value = 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


@functools.cache
def _table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_CASTAGNOLI), table >> 1)
    return table.astype(np.uint32)


@functools.cache
def _table_list() -> list[int]:
    return _table().tolist()


@functools.cache
def _shift_tables() -> list[list[int]]:
    """Returns, for each byte of a sum, what it becomes `_WIDTH` zero bytes later."""
    table = _table()
    shifted = []
    for number in range(4):
        sums = np.arange(256, dtype=np.uint32) << np.uint32(8 * number)
        for _ in range(_WIDTH):
            sums = table[sums & 0xFF] ^ (sums >> 8)
        shifted.append(sums.tolist())
    return shifted
