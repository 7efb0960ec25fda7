from __future__ import annotations

import copy
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import keras_tuner

from keras_extras import checks
from keras_extras import files
from keras_extras.callbacks.training_diagnostics import TrainingDiagnostics
from keras_extras.records.finding import Finding
from keras_extras.running_trial import RunningTrial
from keras_extras.running_trial import trial_of
from keras_extras.tuner import trial_files
from keras_extras.tuner.early_end import CODES
from keras_extras.tuner.early_end import SEVERITIES
from keras_extras.tuner.early_end import EarlyEnd
from keras_extras.tuner.trial_result import as_hypermodel
from keras_extras.tuner.trial_result import counts_of
from keras_extras.tuner.trial_result import result_of_ended
from keras_extras.tuner.trial_result import with_counts
from keras_extras.tuner.unsupported import ends_the_search


class DiagnosticHyperModel(keras_tuner.HyperModel):
    """Diagnoses every trial of a search, and ends failing trials early.

    It wraps the hypermodel, or the function that builds a model, that is passed to a
    tuner. Each execution of each trial trains with a `TrainingDiagnostics` callback.
    Its findings are stored with the trial: `tuner.oracle.get_trial(trial_id)` has them
    as text in `message`, which `tuner.results_summary()` prints, and their numbers in
    `metrics`; `keras_extras.tuner.trial_findings` returns them, and
    `keras_extras.tuner.results_table` returns a table of all trials.

    A failing trial is ended after `patience` epochs, one whose loss is NaN at once. It
    counts as completed, so it does not use up `max_consecutive_failed_trials`. Its
    objective is worse than that of any trial so far that was not ended: -1 for an
    accuracy, ten times the largest for a loss. Its true values are in TensorBoard, if
    `diagnostics` has a `log_dir`. Further executions of the trial are skipped and count
    as bad.

    If the first epochs are meant to look bad, as in a long warm-up, use a longer
    `patience`, or `stop_on=()`, which ends no trial. Weights are not affected: trials
    that are not ended train as without it.

    Args:
        hypermodel: `keras_tuner.HyperModel`, or function of the hyperparameters that
            returns a compiled model.
        diagnostics: `TrainingDiagnostics` to copy for each execution. `None` uses the
            one in the callbacks of `search`, or else `TrainingDiagnostics(verbose=0)`.
            Defaults to `None`.
        stop_on: Tuple of the findings that end a trial: `"error"` and `"warning"` for
            findings of that severity about the training (gradients, activations,
            learning rates, NaN, a loss that does not fall; not about the data, which
            are the same for all trials), or codes of findings. With `"warning"` most
            trials with too low a learning rate are ended as well, and now and then one
            that would have become mediocre. Defaults to `("error",)`.
        patience: Integer >= 1, number of consecutive epochs that must end with such a
            finding. Defaults to `2`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    tuner = keras_tuner.RandomSearch(
        keras_extras.tuner.DiagnosticHyperModel(build_model),
        objective="val_accuracy",
        max_trials=30,
        directory="searches",
    )
    tuner.search(x, y, validation_split=0.2, epochs=5)
    print(keras_extras.tuner.results_table(tuner))
    ```
    """

    def __init__(
        self,
        hypermodel: Any,
        diagnostics: TrainingDiagnostics | None = None,
        stop_on: Sequence[str] = ("error",),
        patience: int = 2,
    ) -> None:
        self.hypermodel = as_hypermodel(hypermodel)
        super().__init__(name=self.hypermodel.name, tunable=self.hypermodel.tunable)
        if not isinstance(diagnostics, TrainingDiagnostics | None):
            raise ValueError(
                "`diagnostics` must be a `TrainingDiagnostics` or None. "
                f"Received: diagnostics={diagnostics!r}"
            )
        self.diagnostics = diagnostics
        self.stop_on = _check_stop_on(stop_on)
        self.patience = checks.check_count("patience", patience)
        self._ended: tuple[Any, dict[str, float]] | None = None

    def build(self, hp: Any) -> Any:
        """Builds the model of the wrapped hypermodel."""
        return self.hypermodel.build(hp)

    def declare_hyperparameters(self, hp: Any) -> None:
        """Declares those of the wrapped hypermodel."""
        self.hypermodel.declare_hyperparameters(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Trains the model as the wrapped hypermodel does, under diagnosis."""
        callbacks = list(kwargs.pop("callbacks", None) or [])
        trial = trial_of(callbacks)
        if trial is None:  # no search: the final training, for example
            kwargs |= {"callbacks": callbacks} if callbacks else {}
            return self.hypermodel.fit(hp, model, *args, **kwargs)
        if self._ended is not None and self._ended[0] is trial.trial:
            if trial.execution > 0:
                return dict(self._ended[1])
            self._ended = None
        diagnostics = self._diagnostics_among(callbacks)
        end = EarlyEnd(diagnostics, self.stop_on, self.patience)
        callbacks.append(end)
        trial.trial.message = None
        try:
            with ends_the_search(trial):
                results = self.hypermodel.fit(
                    hp, model, *args, callbacks=callbacks, **kwargs
                )
        finally:
            _keep(trial, diagnostics.findings, end)
        counts = counts_of(diagnostics.findings, end.reason is not None)
        if end.reason is None:
            return with_counts(results, counts, trial.objective)
        _keep_weights(model, callbacks)
        seen = diagnostics.observations.losses.tolist()
        result = result_of_ended(trial, end.logs, seen) | counts
        self._ended = trial.trial, result
        return result

    def _diagnostics_among(self, callbacks: list[Any]) -> TrainingDiagnostics:
        """Returns the diagnostics, which it adds to the callbacks if needed."""
        if self.diagnostics is None:
            for callback in callbacks:
                if isinstance(callback, TrainingDiagnostics):
                    return callback
        made = copy.deepcopy(self.diagnostics) or TrainingDiagnostics(verbose=0)
        callbacks.append(made)
        return made


def _keep(trial: RunningTrial, findings: Sequence[Finding], end: EarlyEnd) -> None:
    """Keeps the findings of an execution with its trial."""
    path = f"{trial.directory}/{trial_files.FINDINGS}"
    before = trial_files.read(path) if trial.execution else None
    record = {
        "execution": trial.execution,
        "epoch": end.epoch,
        "ended_by": end.reason and end.reason.code,
        "note": trial.trial.message,  # of a pruner
        "findings": [finding.to_dict() for finding in findings],
    }
    records = [*(before or []), record]
    trial_files.write(path, records)
    trial.trial.message = "\n".join(_as_text(r, len(records) > 1) for r in records)
    if end.reason is not None and trial.is_verbose:
        print(f"Trial {trial.trial_id}: {_as_text(record, trial.execution > 0)}")


def _as_text(record: dict[str, Any], one_of_several: bool) -> str:
    claims = [f for f in record["findings"] if f["severity"] != "info"]
    found = "; ".join(
        f"{f['severity']} {f['code']}"
        + (f" in '{f['layer']}'" if f["layer"] else "")
        + f" ({f['evidence']})"
        for f in claims
        if f["cause"] is None
    )
    where = f"Execution {record['execution']}: " if one_of_several else ""
    ended = f"Ended in epoch {record['epoch']} by {record['ended_by']}. "
    if not record["ended_by"]:
        ended = f"{record['note']}. " if record["note"] else ""
    return f"{where}{ended}Findings: {found or 'none'}"


def _keep_weights(model: Any, callbacks: list[Any]) -> None:
    """Has a checkpoint where KerasTuner made none, as of an objective that is NaN.

    `Hyperband` may go on with an ended trial if it has too few others.
    """
    for callback in callbacks:
        if type(callback).__name__ == "SaveBestEpoch" and not files.exists(
            callback.filepath
        ):
            model.save_weights(callback.filepath)


def _check_stop_on(stop_on: Any) -> tuple[str, ...]:
    allowed = {*SEVERITIES, *CODES}
    is_list = isinstance(stop_on, Iterable) and not isinstance(stop_on, str)
    if not is_list or any(
        not isinstance(each, str) or each not in allowed for each in stop_on
    ):
        raise ValueError(
            '`stop_on` must be a tuple of "error", "warning" and codes of findings: '
            f"{', '.join(sorted(CODES))}. Received: stop_on={stop_on!r}"
        )
    return tuple(stop_on)
