"""Finds where callbacks write their summaries to: the argument `log_dir`."""

from __future__ import annotations

import os
from typing import TypeAlias

import keras

from keras_extras.running_trial import running_trial

LogDir: TypeAlias = "str | os.PathLike[str] | keras.callbacks.TensorBoard | None"


def check_log_dir(log_dir: object) -> None:
    """Raises a `ValueError` unless `log_dir` is one of the types of `LogDir`."""
    allowed = str | os.PathLike | keras.callbacks.TensorBoard | None
    if not isinstance(log_dir, allowed) or log_dir == "":
        raise ValueError(
            "`log_dir` must be a path, a `keras.callbacks.TensorBoard` or None. "
            f"Received: log_dir={log_dir!r}"
        )


def directory_of(log_dir: LogDir, run: str) -> str | None:
    """Returns where to write: beside the runs of `TensorBoard`, the one named `run`.

    In a search of KerasTuner each execution of each trial has a directory of its
    own, `<log_dir>/<trial>/execution<k>`, as KerasTuner gives it to `TensorBoard`.
    """
    if log_dir is None:
        return None
    inside: tuple[str, ...] = ()
    if isinstance(log_dir, keras.callbacks.TensorBoard):
        path, inside = str(log_dir.log_dir), (run,)
    else:
        path = os.fspath(log_dir)
    trial = running_trial()
    if trial is not None:
        path = trial.run_directory(path)
    path = os.path.join(path, *inside)
    return path if trial is None else trial.unused(path)
