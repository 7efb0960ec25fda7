"""Files kept with a trial, in the directory that KerasTuner has for it.

Each file has one writer, the process that runs the trial, and is replaced as a whole,
so that others may read it at any time.
"""

from __future__ import annotations

import json
import os
from typing import Any

from keras_extras import files

FINDINGS = "findings.json"
PROGRESS = "progress{execution}.json"


def write(path: str, content: Any) -> None:
    """Writes JSON, at once or not at all."""
    files.write_text(path, json.dumps(content))


def read(path: str) -> Any | None:
    """Returns what `write` has written, or `None` if there is nothing."""
    text = files.read_text(path)
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None


def in_trial(project: str, trial_id: str, name: str) -> str:
    """Returns the path of a file of a trial."""
    return os.path.join(project, _folder(trial_id), name)


def all_of(project: str, name: str) -> list[str]:
    """Returns the paths of the files of all trials that fit a pattern."""
    return files.paths_like(project, os.path.join(_folder("*"), name))


def _folder(trial_id: str) -> str:
    return f"trial_{trial_id}"
