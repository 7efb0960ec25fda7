from __future__ import annotations

from typing import Any

from keras_extras.checks import check_count
from keras_extras.checks import check_text
from keras_extras.records.finding import Finding
from keras_extras.tuner import trial_files
from keras_extras.tuner.arguments import check_tuner


def trial_findings(tuner: Any, trial_id: str, execution: int = 0) -> list[Finding]:
    """Returns the findings of a trial of a search.

    They are read from the directory of the search, so it also works for a search that
    was run by other processes, or earlier.

    Args:
        tuner: KerasTuner tuner with a `DiagnosticHyperModel`.
        trial_id: String, the `trial_id` of the trial.
        execution: Integer >= 0, which of its executions. Defaults to `0`.

    Returns:
        List of `keras_extras.diagnostics.Finding`, the most likely cause first.

    Raises:
        ValueError: If nothing is stored for this execution.

    Example:

    ```python
    hypermodel = keras_extras.tuner.DiagnosticHyperModel(build_model)
    tuner = keras_tuner.RandomSearch(hypermodel, "val_accuracy", max_trials=30)
    tuner.search(x, y, validation_split=0.2, epochs=2)
    best = tuner.oracle.get_best_trials()[0]
    print(keras_extras.tuner.trial_findings(tuner, best.trial_id))
    ```
    """
    check_tuner(tuner)
    check_text("trial_id", trial_id)
    check_count("execution", execution, least=0)
    for record in trial_records(tuner, trial_id):
        if record["execution"] == execution:
            return [Finding.from_dict(finding) for finding in record["findings"]]
    raise ValueError(
        "`trial_id` and `execution` must be those of a trial that has run with a "
        f"`DiagnosticHyperModel`. Received: trial_id={trial_id!r}, "
        f"execution={execution!r}"
    )


def trial_records(tuner: Any, trial_id: str) -> list[dict[str, Any]]:
    """Returns what is kept of each execution of a trial."""
    path = trial_files.in_trial(tuner.project_dir, trial_id, trial_files.FINDINGS)
    return trial_files.read(path) or []
