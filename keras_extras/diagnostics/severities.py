"""Lets the first findings say how bad it is: as bad as the worst that follows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keras_diagnostics.tally import SEVERITIES
from keras_extras.records.finding import Finding

# It says itself how sure it is that there was something to learn.
_JUDGES_ITSELF = "not-learning"


def raise_severities(findings: Sequence[Finding], fails: bool) -> list[Finding]:
    """Returns the findings, each cause as severe as the worst of its effects.

    Args:
        findings: The findings, ranked, with their causes.
        fails: Whether nothing has come of the training: then the first claim is an
            error.
    """
    raised = list(findings)
    for _ in SEVERITIES:  # a cause may itself have a cause
        raised = [_with_worst(finding, raised) for finding in raised]
    head = next((f for f in raised if f.severity != "info"), None)
    if fails and head is not None and head.code != _JUDGES_ITSELF:
        raised[raised.index(head)] = dataclasses.replace(head, severity="error")
    return raised


def _with_worst(finding: Finding, findings: Sequence[Finding]) -> Finding:
    if finding.severity == "info":
        return finding
    effects = [f.severity for f in findings if f.cause == finding.code]
    worst = min([finding.severity, *effects], key=SEVERITIES.index)
    return dataclasses.replace(finding, severity=worst)
