"""From observations to a ranked list of findings."""

from __future__ import annotations

import warnings

import numpy as np

from keras_extras.diagnostics.finding import Finding
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules import RULES
from keras_extras.diagnostics.rules import non_finite

_SEVERITIES = ("error", "warning", "info")
# Non-finite values are what becomes of these.
_CAUSES_OF_NAN = ("exploding-gradient", "learning-rate-too-high")


def examine(seen: Observations, failed: set[str] | None = None) -> list[Finding]:
    """Returns what is wrong, the most likely root cause first.

    Args:
        seen: The statistics of the training so far.
        failed: Names of rules that failed before; a rule that fails is added and
            reported once, as a warning.
    """
    failed = set() if failed is None else failed
    finite = seen.before_nonfinite()
    findings = list(non_finite(seen))
    for rule in RULES if len(finite.steps) else ():
        if rule.__name__ in failed:
            continue
        try:
            with np.errstate(all="ignore"):
                findings += rule(finite)
        except Exception as error:  # a defect of ours is no reason to stop training
            failed.add(rule.__name__)
            warnings.warn(
                f"The rule `{rule.__name__}` of keras_extras failed and is left out: "
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )
    return sorted(findings, key=lambda finding: _rank(finding, findings))


def _rank(finding: Finding, findings: list[Finding]) -> tuple[float, ...]:
    is_effect = finding.code == "nan-loss" and any(
        other.code in _CAUSES_OF_NAN for other in findings
    )
    return (
        float(is_effect),
        _SEVERITIES.index(finding.severity),
        -finding.confidence,
        finding.first_step,
    )
