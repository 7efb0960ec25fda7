"""Finds the epoch in which a `fit` begins, and how much of it was trained."""

from __future__ import annotations

import json
import os
from typing import Any

import keras

from keras_extras.keras_internals.running_fit import local_of_fit


def backup_of(callbacks: Any) -> Any | None:
    """Returns the `BackupAndRestore` among the callbacks of a `fit`, if any."""
    for callback in getattr(callbacks, "callbacks", ()):
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            return callback
    return None


def last_epoch_begun(callbacks: Any) -> int:
    """Returns the last epoch of which the model has seen batches; -1 if none.

    Args:
        callbacks: The `CallbackList` of the `fit` that begins, or `None`.
    """
    backup = backup_of(callbacks)
    saved = None if backup is None else _epoch_of_backup(backup)
    if backup is not None and saved is not None:
        # A backup of an epoch's end names the epoch that comes next.
        return saved - 1 if backup.save_freq == "epoch" else saved
    model = getattr(callbacks, "model", None)
    first = getattr(model, "_initial_epoch", None)
    return (first or local_of_fit(callbacks, "initial_epoch") or 0) - 1


def _epoch_of_backup(backup: Any) -> int | None:
    path = str(backup._training_metadata_path)
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return int(json.load(file)["epoch"])
