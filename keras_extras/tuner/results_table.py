from __future__ import annotations

import math
from typing import Any

from keras_extras.tuner import trial_files
from keras_extras.tuner.trial_findings import trial_records
from keras_extras.tuner.trial_result import ranked_trials

_INTERNAL = "tuner/"  # what Hyperband keeps among the hyperparameters


def results_table(tuner: Any, width: int = 100) -> str:
    """Returns a table of the trials of a search, the best first, with their findings.

    `tuner.results_summary()` shows the same trials one below the other; this one is
    to compare them. On a worker of a distributed search it asks the chief.

    Args:
        tuner: KerasTuner tuner, best with a `DiagnosticHyperModel`.
        width: Integer, columns of text that a line may have; hyperparameters are cut
            off there. Defaults to `100`.

    Returns:
        String of several lines.

    Example:

    ```python
    hypermodel = keras_extras.tuner.DiagnosticHyperModel(build_model)
    tuner = keras_tuner.RandomSearch(hypermodel, "val_accuracy", max_trials=30)
    tuner.search(x, y, validation_split=0.2, epochs=2)
    print(keras_extras.tuner.results_table(tuner))
    ```
    """
    trials = ranked_trials(tuner)
    head = ("trial", "score", "state", "findings", "hyperparameters")
    rows = [head, *(_row(tuner, trial) for trial in trials)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for row in rows:
        cells = [cell.ljust(size) for cell, size in zip(row, widths)]
        lines.append("  ".join([*cells, row[4]])[:width].rstrip())
    return "\n".join(lines)


def _row(tuner: Any, trial: Any) -> tuple[str, ...]:
    records = trial_records(tuner, trial.trial_id)
    values = ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in trial.hyperparameters.values.items()
        if not name.startswith(_INTERNAL)
    )
    state = _state(tuner, trial, records)
    score = trial.score if state == "completed" or "pruned" in state else None
    return (
        str(trial.trial_id),
        "" if score is None or not math.isfinite(score) else f"{score:.4g}",
        state,
        _claims(records) if records else "",
        values,
    )


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
