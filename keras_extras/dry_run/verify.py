"""Tries the repairs of a diagnosis on copies of the model."""

from __future__ import annotations

from typing import Any

from keras_extras.callbacks.training_diagnostics import TrainingDiagnostics
from keras_extras.diagnostics.diagnosis import Diagnosis
from keras_extras.diagnostics.trial import ranked_by_trials
from keras_extras.diagnostics.trial import trial_of
from keras_extras.diagnostics.trial import with_trial
from keras_extras.dry_run.stop_after import StopAfter
from keras_extras.keras_internals.snapshot import random_state_kept
from keras_extras.records.finding import Finding

_MOST = 3  # repairs that are tried
_SAMPLES = 10


def verified(
    diagnosis: Diagnosis, model: Any, data: Any, steps: int, arguments: dict[str, Any]
) -> Diagnosis:
    """Returns a diagnosis in which the first repairs were tried, and say what came.

    Args:
        diagnosis: The diagnosis.
        model: The model that was diagnosed.
        data: Inputs and targets, which can be read again.
        steps: Number of batches that it was trained on.
        arguments: Further arguments of `fit`, without callbacks.
    """
    tried: list[tuple[Any, dict[str, Any]]] = []
    findings = []
    for finding in _in_order(diagnosis.findings):
        repair = finding.repair
        if finding.severity == "info" or repair is None or not repair.is_applicable:
            findings.append(finding)
            continue
        known = [trial for value, trial in tried if value == repair.value]
        if not known and len(tried) < _MOST:
            trial = _tried(diagnosis, finding, data, steps, arguments)
            if trial is not None:
                tried.append((repair.value, trial))
                known = [trial]
        findings.append(with_trial(finding, known[0]) if known else finding)
    ranked = ranked_by_trials(findings)
    return Diagnosis(diagnosis.observations, ranked, model)


def _in_order(findings: list[Finding]) -> list[Finding]:
    """Returns causes before what follows from them."""
    return sorted(findings, key=lambda finding: finding.cause is not None)


def _tried(
    diagnosis: Diagnosis,
    finding: Finding,
    data: Any,
    steps: int,
    arguments: dict[str, Any],
) -> dict[str, Any] | None:
    """Trains a copy with a repair; `None` where it cannot be copied or trained."""
    assert finding.repair is not None
    diagnostics = TrainingDiagnostics(every=max(steps // _SAMPLES, 1), verbose=0)
    with random_state_kept():
        try:
            copied = diagnosis.repaired(finding).model
            arguments = {**arguments, "callbacks": [StopAfter(steps), diagnostics]}
            copied.fit(*data, **arguments)
        except Exception:  # what cannot be tried is told as it was
            return None
    after, value = diagnostics.observations, finding.repair.value
    weights = [output.weight for output in after.structure.outputs]
    return trial_of(
        diagnosis.observations.outcome,
        after.outcome,
        after.last_step + 1,
        same_loss="loss" not in value,
        weight=weights[0] if "targets" in value and weights else 1.0,
    )
