from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

from keras_extras.checks import check_count
from keras_extras.tuner import trial_files
from keras_extras.tuner.arguments import check_tuner
from keras_extras.tuner.trial_findings import trial_records
from keras_extras.tuner.trial_result import ranked_trials

_INTERNAL = "tuner/"  # what Hyperband keeps among the hyperparameters


def results_table(tuner: Any, width: int = 100) -> str:
    """Returns a table of the trials of a search, the best first, with their findings.

    Use it to compare trials; `tuner.results_summary()` prints them one below the other.
    On a worker of a distributed search it asks the chief.

    Args:
        tuner: KerasTuner tuner; findings need a `DiagnosticHyperModel`.
        width: Integer, largest number of characters of a line; hyperparameters that do
            not fit are named below the table. Defaults to `100`.

    Returns:
        String of several lines.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    hypermodel = keras_extras.tuner.DiagnosticHyperModel(build_model)
    tuner = keras_tuner.RandomSearch(hypermodel, "val_accuracy", max_trials=30)
    tuner.search(x, y, validation_split=0.2, epochs=2)
    print(keras_extras.tuner.results_table(tuner))
    ```
    """
    check_tuner(tuner)
    width = check_count("width", width)
    trials = ranked_trials(tuner)
    names = dict.fromkeys(name for trial in trials for name in _hyperparameters(trial))
    head = ["trial", "score", "state", "findings", *names]
    rows = [head, *(_row(tuner, trial, names) for trial in trials)]
    columns = [_padded(column) for column in zip(*rows)]
    shown = _that_fit(columns, width)
    lines = ["  ".join(cells).rstrip() for cells in zip(*columns[:shown])]
    if left_out := head[shown:]:
        lines.append(f"Not shown, for {width} columns of text: {', '.join(left_out)}")
    return "\n".join(lines)


def _padded(column: tuple[str, ...]) -> list[str]:
    size = max(map(len, column))
    return [cell.ljust(size) for cell in column]


def _that_fit(columns: list[list[str]], width: int) -> int:
    """Returns how many columns a line has room for, or those to the findings."""
    ends = itertools.accumulate(len(column[0]) + 2 for column in columns)
    return max(4, sum(end - 2 <= width for end in ends))


def _hyperparameters(trial: Any) -> dict[str, Any]:
    values = trial.hyperparameters.values
    return {k: v for k, v in values.items() if not k.startswith(_INTERNAL)}


def _row(tuner: Any, trial: Any, names: Iterable[str]) -> list[str]:
    records = trial_records(tuner, trial.trial_id)
    values = _hyperparameters(trial)
    state = _state(tuner, trial, records)
    score = trial.score if state == "completed" or "pruned" in state else None
    return [
        str(trial.trial_id),
        "" if score is None or not math.isfinite(score) else f"{score:.4g}",
        state,
        _claims(records) if records else "",
        *(_value(values.get(name, "")) for name in names),
    ]


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _state(tuner: Any, trial: Any, records: list[dict[str, Any]]) -> str:
    if trial.status != "COMPLETED":
        return str(trial.status).lower()
    for record in records:
        if record["ended_by"]:
            return f"ended in epoch {record['epoch']}"
    pattern = trial_files.in_trial(
        tuner.project_dir, trial.trial_id, trial_files.PROGRESS.format(execution=0)
    )
    progress = trial_files.read(pattern) or {}
    if progress.get("ended"):
        return f"pruned in epoch {1 + max(map(int, progress['values']))}"
    return "completed"


def _claims(records: list[dict[str, Any]]) -> str:
    codes = [
        finding["code"] + ("!" if finding["severity"] == "error" else "")
        for record in records
        for finding in record["findings"]
        if finding["severity"] != "info" and finding["cause"] is None
    ]
    return ", ".join(dict.fromkeys(codes)) or "none"
