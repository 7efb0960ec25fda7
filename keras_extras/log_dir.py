"""Where callbacks write their summaries to: the argument `log_dir`."""

from __future__ import annotations

import os
from typing import TypeAlias

import keras

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
    """Returns where to write: beside the runs of `TensorBoard`, the one named `run`."""
    if log_dir is None:
        return None
    if isinstance(log_dir, keras.callbacks.TensorBoard):
        return os.path.join(str(log_dir.log_dir), run)
    return os.fspath(log_dir)
