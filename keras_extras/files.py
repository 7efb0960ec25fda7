"""Files and directories, on a disk or behind a URL, without TensorFlow where it can be.

Local files are Python's own. Those behind a URL are TensorFlow's where it trains; on
another backend they are those of the stub that TensorBoard brings, which knows `s3://`
with boto3 and what fsspec knows, and TensorFlow is not imported though it may be there.
"""

from __future__ import annotations

import glob
import os
from typing import Any

import keras

# Errors of remote files are no `OSError`.
_REMOTE_ERRORS = ("tensorflow.", "tensorboard.")


def is_local(path: str) -> bool:
    """Returns whether a path is on a disk of this machine, and no URL."""
    return "://" not in path


def remote_files() -> Any:
    """Returns the functions for files behind a URL, named as in `tf.io.gfile`.

    The stub has no `rename`.
    """
    if keras.backend.backend() == "tensorflow":
        from tensorboard.compat import tf
    else:  # `compat.tf` imports TensorFlow wherever it is installed
        from tensorboard.compat import tensorflow_stub as tf
    return tf.io.gfile


def exists(path: str) -> bool:
    """Returns whether there is a file or a directory."""
    return bool((os.path if is_local(path) else remote_files()).exists(path))


def make_directory(path: str) -> None:
    """Makes a directory, and those around it, unless it is there."""
    if is_local(path):
        os.makedirs(path, exist_ok=True)
    else:
        remote_files().makedirs(path)


def names_in(directory: str) -> list[str]:
    """Returns the names of what is in a directory; of nothing if there is none."""
    where = os if is_local(directory) else remote_files()
    is_directory = os.path.isdir if where is os else where.isdir
    return list(where.listdir(directory)) if is_directory(directory) else []


def paths_like(directory: str, pattern: str) -> list[str]:
    """Returns the sorted paths within a directory that fit a pattern."""
    if is_local(directory):
        found = glob.glob(os.path.join(glob.escape(directory), pattern))
    else:
        found = remote_files().glob(os.path.join(directory, pattern))
    return sorted(found)


def write_text(path: str, text: str) -> None:
    """Writes a file, at once or not at all."""
    draft = f"{path}.{os.getpid()}.tmp"
    if is_local(path):
        with open(draft, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)
        return
    remote = remote_files()
    renames = hasattr(remote, "rename")
    # What the stub writes to replace their files as a whole by themselves.
    with remote.GFile(draft if renames else path, "w") as file:
        file.write(text)
    if renames:
        remote.rename(draft, path, overwrite=True)


def read_text(path: str) -> str | None:
    """Returns what is in a file, or `None` if it cannot be read."""
    try:
        if is_local(path):
            with open(path, encoding="utf-8") as file:
                return file.read()
        with remote_files().GFile(path, "r") as file:
            return str(file.read())
    except (OSError, ValueError):  # the latter for what is no text
        return None
    except Exception as error:
        if type(error).__module__.startswith(_REMOTE_ERRORS):
            return None
        raise
