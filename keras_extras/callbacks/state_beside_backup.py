from __future__ import annotations

import json
import os
from typing import Any

import keras


class StateBesideBackup:
    """Keeps the state of a callback beside the backup that `BackupAndRestore` keeps.

    Without such a callback in the `fit` nothing is kept.

    Args:
        callbacks: The callbacks of the `fit`.
        name: Name of the file, without its ending.
    """

    def __init__(self, callbacks: list[Any], name: str) -> None:
        self._folder: str | None = None
        self._name = name
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.BackupAndRestore):
                self._folder = str(callback.backup_dir)

    def path(self, ending: str) -> str | None:
        """Returns where to keep something, in a folder that is there."""
        if self._folder is None:
            return None
        os.makedirs(self._folder, exist_ok=True)
        return os.path.join(self._folder, f"{self._name}.{ending}")

    def save(self, epoch: int, state: dict[str, Any]) -> None:
        """Keeps the state at the begin of an epoch."""
        path = self.path("json")
        if path is None:
            return
        states = _read(path)
        # That of the epoch before too: which was backed up last is not known here.
        states = {key: states[key] for key in states if int(key) == epoch - 1}
        states[str(epoch)] = state
        with open(path, "w") as file:
            json.dump(states, file)

    def load(self, epoch: int) -> dict[str, Any]:
        """Returns the state at the begin of an epoch; nothing if none was kept."""
        state: dict[str, Any] = _read(self.path("json")).get(str(epoch)) or {}
        return state


def _read(path: str | None) -> dict[str, Any]:
    if path is None or not os.path.exists(path):
        return {}
    with open(path) as file:
        states: dict[str, Any] = json.load(file)
    return states
