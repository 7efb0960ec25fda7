"""Turns observations into a ranked list of findings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.causes import rank_by_cause
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repairs.attach import with_repairs
from keras_extras.diagnostics.rules import RULES
from keras_extras.diagnostics.rules import non_finite
from keras_extras.diagnostics.rules import not_learning
from keras_extras.diagnostics.rules.common import fails
from keras_extras.diagnostics.severities import raise_severities
from keras_extras.records.finding import Finding
from keras_extras.records.findings import Findings
from keras_extras.warn_safely import warn_safely


def examine(observations: Observations, failed: set[str] | None = None) -> Findings:
    """Returns what is wrong, the most likely root cause first.

    Args:
        observations: The evidence of the training so far.
        failed: Names of rules that failed before; a rule that fails is added and
            reported once, as a warning.
    """
    failed = set() if failed is None else failed
    finite = observations.before_nonfinite().since_unfreezing()
    findings = _ask(non_finite, observations, failed)
    for rule in RULES:
        findings += _ask(rule, finite, failed)
    if all(finding.severity == "info" for finding in findings):
        findings += _ask(not_learning, finite, failed)
    found = observations.nonfinite
    bad_batch = found is not None and found.kind == "input"
    ranked = rank_by_cause(findings, bad_batch)
    raised = raise_severities(ranked, _fails(finite))
    return Findings(_repaired(raised, finite, failed))


def _fails(observations: Observations) -> bool:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return fails(observations)


def _repaired(
    findings: list[Finding], observations: Observations, failed: set[str]
) -> list[Finding]:
    """Returns the findings with repairs; as they are where that fails."""

    def repairs(seen: Observations) -> Iterator[Finding]:
        yield from with_repairs(findings, seen)

    return _ask(repairs, observations, failed) or findings


def _ask(
    rule: Callable[[Observations], Iterator[Finding]],
    observations: Observations,
    failed: set[str],
) -> list[Finding]:
    if rule.__name__ in failed:
        return []
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # NumPy warns of empty slices and means of nothing, which rules expect.
            warnings.simplefilter("ignore", RuntimeWarning)
            return list(rule(observations))
    except Exception as error:  # a defect of ours is no reason to stop training
        failed.add(rule.__name__)
        warn_safely(
            f"The rule `{rule.__name__}` of keras_extras failed and is left out: "
            f"{type(error).__name__}: {error}",
            stacklevel=3,
        )
        return []
