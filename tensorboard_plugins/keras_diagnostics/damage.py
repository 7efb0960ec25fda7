"""Notices event files that TensorBoard cannot read to their end, and says so.

TensorBoard's readers stop at a damaged record without telling anyone.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_diagnostics.event_files import Fault
from keras_diagnostics.event_files import Records
from keras_diagnostics.event_files import event_files
from keras_diagnostics.source import Source

_VERIFIED_BYTES = 16_000_000  # larger files are looked at without their checksums
_WAIT_SECONDS = 0.3
_FEW, _LATER_SECONDS = 20, 2.0  # of more runs the next answer tells
_BEING_WRITTEN_SECONDS = 30.0

Folders = Sequence[tuple[str | None, Path]]


@dataclass
class _State:
    """Remembers how far a file has been read."""

    size: int = 0
    offset: int = 0
    fault: Fault | None = None


class DamageCheck:
    """Looks at event files on a thread of its own, each part of them once.

    Args:
        folders: Pairs of the name and the path of directories of runs; the name is
            `None` unless the user gave one.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._states: dict[Path, _State] = {}
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    @classmethod
    def of_flags(cls, flags: Any) -> DamageCheck:
        """Returns the check of what TensorBoard was asked to show."""
        logdir = getattr(flags, "logdir", "") or ""
        named: list[tuple[str | None, Path]] = []
        if logdir and "://" not in logdir:
            named.append((None, Path(os.path.expanduser(logdir))))
        elif not logdir:
            for part in (getattr(flags, "logdir_spec", "") or "").split(","):
                name, colon, path = part.partition(":")
                name, path = (name, path) if colon else ("", name)
                if path and "://" not in part:
                    named.append((name or None, Path(os.path.expanduser(path))))
        return cls(named)

    def report(self, source: Source, runs: Sequence[str]) -> None:
        """Tells `source` of the faults that are known of the files of `runs`.

        Waits for a moment for files that were not looked at yet.
        """
        folders = {run: self._folder(run) for run in runs}
        self._look_at([folder for folder in folders.values() if folder is not None])
        for run, folder in folders.items():
            for path in event_files(folder) if folder is not None else []:
                text = self._text(path)
                if text is not None:
                    source.report(run, text)

    def _folder(self, run: str) -> Path | None:
        """Returns the directory of a run; `None` for a name that leads elsewhere."""
        if ".." in run.split("/") or os.path.isabs(run) or "\0" in run:
            return None
        for name, path in self._folders:
            if name is None:
                folder = path / run
            elif run == name or run.startswith(f"{name}/"):
                folder = path / run.removeprefix(name).lstrip("/")
            else:
                continue
            if folder.is_dir():
                return folder
        return None

    def _look_at(self, folders: Sequence[Path]) -> None:
        with self._lock:
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(
                    target=self._work, args=(list(folders),), daemon=True
                )
                self._worker.start()
            worker = self._worker
        if len(folders) <= _FEW:
            worker.join(_WAIT_SECONDS)

    def _work(self, folders: Sequence[Path]) -> None:
        if len(folders) > _FEW:
            time.sleep(_LATER_SECONDS)  # the answer comes first
        for folder in folders:
            for path in event_files(folder):
                try:
                    self._look_on(path)
                except OSError as error:
                    logging.getLogger("tensorboard").debug("%s: %s", path, error)

    def _look_on(self, path: Path) -> None:
        """Reads what was added to a file since it was looked at last."""
        state = self._states.get(path, _State())
        size = path.stat().st_size
        if size == state.size and path in self._states:
            return
        if size < state.size:
            state = _State()
        records = Records(path, state.offset)
        if size > _VERIFIED_BYTES:
            records.skim()
        else:
            for _ in records:
                pass
        self._states[path] = _State(size, records.offset, records.fault)

    def _text(self, path: Path) -> str | None:
        state = self._states.get(path)
        if state is None or state.fault is None:
            return None
        where = f"at byte {state.fault.offset:,} of {state.size:,}"
        if state.fault.kind == "damaged":
            return (
                f"The event file {path.name} is damaged {where}; what follows may be "
                "missing here."
            )
        try:
            age = time.time() - path.stat().st_mtime
        except OSError:
            return None
        if age < _BEING_WRITTEN_SECONDS:
            return None
        return (
            f"The event file {path.name} ends within a record, {where}; what was "
            "written last is missing."
        )
