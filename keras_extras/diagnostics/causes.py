"""Ranks findings by cause: each symptom is told what explains it."""

from __future__ import annotations

import dataclasses

from keras_diagnostics.tally import SEVERITIES
from keras_extras.records.finding import Finding
from keras_extras.records.finding_codes import FINDING_CODES

EXACT = frozenset(code.name for code in FINDING_CODES if code.exact)
_ORDER = {code.name: place for place, code in enumerate(FINDING_CODES)}


def rank_by_cause(findings: list[Finding], bad_batch: bool = False) -> list[Finding]:
    """Returns the findings with their causes, the most likely root cause first.

    Only a claim explains another one: advice explains nothing.

    Args:
        findings: The findings.
        bad_batch: Whether NaN or infinity came with a batch, which nothing explains.
    """
    claims = [f for f in findings if f.severity != "info"]
    bad_data = bad_batch and any(f.code == "nan-loss" for f in claims)
    with_causes = []
    for finding in findings:
        cause = None if bad_data else _cause_of(finding, claims)
        with_causes.append(dataclasses.replace(finding, cause=cause))
    return sorted(with_causes, key=lambda finding: _rank(finding, with_causes))


def _cause_of(finding: Finding, claims: list[Finding]) -> str | None:
    claimed = {claim.code for claim in claims}
    for code in FINDING_CODES:
        if code.name in claimed and finding.code in code.explains:
            return code.name
    return None


def _rank(finding: Finding, findings: list[Finding]) -> tuple[float, ...]:
    explains = any(other.cause == finding.code for other in findings)
    return (
        float(finding.severity == "info"),
        float(finding.cause is not None),
        float(finding.code not in EXACT),
        # What explains nothing that was seen is no more than a smell.
        float(not explains),
        -round(finding.confidence, 1),
        SEVERITIES.index(finding.severity),
        _ORDER.get(finding.code, len(_ORDER)),
        finding.first_step,
    )
