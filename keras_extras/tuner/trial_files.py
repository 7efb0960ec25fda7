"""Files kept with a trial, in the directory that KerasTuner has for it.

Each file has one writer, the process that runs the trial, and is replaced as a whole,
so that others may read it at any time.
"""

from __future__ import annotations

import json
import os
from typing import Any

# TensorFlow, as TensorBoard finds it: the files may be remote ones.
from tensorboard.compat import tf

FINDINGS = "findings.json"
PROGRESS = "progress{execution}.json"


def write(path: str, content: Any) -> None:
    """Writes JSON, at once or not at all."""
    draft = f"{path}.{os.getpid()}.tmp"
    with tf.io.gfile.GFile(draft, "w") as file:
        file.write(json.dumps(content))
    tf.io.gfile.rename(draft, path, overwrite=True)


def read(path: str) -> Any | None:
    """Returns what `write` has written, or `None` if there is nothing."""
    try:
        with tf.io.gfile.GFile(path, "r") as file:
            return json.loads(file.read())
    except (OSError, ValueError):
        return None
    except Exception as error:
        if type(error).__module__.startswith("tensorflow"):  # its errors are no OSError
            return None
        raise


def exists(path: str) -> bool:
    """Returns whether there is a file or a directory."""
    return bool(tf.io.gfile.exists(path))


def make_directory(path: str) -> None:
    """Makes a directory, and those around it, unless it is there."""
    tf.io.gfile.makedirs(path)


def in_trial(project: str, trial_id: str, name: str) -> str:
    """Returns the path of a file of a trial."""
    return os.path.join(project, f"trial_{trial_id}", name)


def all_of(project: str, name: str) -> list[str]:
    """Returns the paths of the files of all trials that fit a pattern."""
    return sorted(tf.io.gfile.glob(in_trial(project, "*", name)))
