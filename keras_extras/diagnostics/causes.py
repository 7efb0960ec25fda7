"""Ranks findings by cause: each symptom is told what explains it."""

from __future__ import annotations

import dataclasses

from keras_diagnostics.tally import SEVERITIES
from keras_extras.records.finding import Finding

_DYNAMIC = (
    "exploding-gradient",
    "nan-loss",
    "dead-units",
    "saturated-activation",
    "vanishing-gradient",
    "learning-rate-too-high",
    "oscillating-loss",
    "not-learning",
)
_HARDLY_LEARNS = (*_DYNAMIC, "learning-rate-too-low", "wrong-labels", "overfitting")
# Found by exact tests, which outrank every symptom; those nearer to the data first.
EXACT: dict[str, tuple[str, ...]] = {
    "unshuffled-data": (
        "wrong-labels",
        "overfitting",
        "oscillating-loss",
        "learning-rate-too-high",
        "learning-rate-too-low",
        "not-learning",
    ),
    "validation-differs": ("overfitting", "wrong-labels"),
    "leaked-target": ("overfitting",),
    "target-equals-input": ("overfitting",),
    "imbalanced-classes": ("learning-rate-too-low", "not-learning", "wrong-labels"),
    "broadcast-loss": (*_HARDLY_LEARNS, "hidden-activation", "over-regularized"),
    "untracked-variables": (*_HARDLY_LEARNS, "hidden-activation"),
    "no-gradient": (*_HARDLY_LEARNS, "bad-initialization"),
    "not-updated": (
        "vanishing-gradient",
        "learning-rate-too-low",
        "wrong-labels",
        "not-learning",
    ),
    "clipping-too-strong": ("learning-rate-too-low", "not-learning"),
    "random-evaluation": ("overfitting",),
    "rows-not-independent": ("overfitting",),
}
# Causes, the more fundamental first, and what they can lead to.
EXPLAINS: dict[str, tuple[str, ...]] = {
    **EXACT,
    "output-loss-mismatch": (*_DYNAMIC, "learning-rate-too-low", "over-regularized"),
    "unnormalized-input": (*_DYNAMIC, "learning-rate-too-low", "unscaled-target"),
    "unscaled-target": (*_DYNAMIC, "learning-rate-too-low"),
    "bad-initialization": (*_DYNAMIC, "learning-rate-too-low"),
    "hidden-activation": (
        "vanishing-gradient",
        "saturated-activation",
        "learning-rate-too-low",
        "not-learning",
    ),
    "wrong-labels": ("overfitting", "not-learning", "oscillating-loss"),
    "over-regularized": (
        "vanishing-gradient",
        "dead-units",
        "learning-rate-too-low",
        "not-learning",
    ),
    "learning-rate-too-high": (
        "exploding-gradient",
        "nan-loss",
        "dead-units",
        "saturated-activation",
        "vanishing-gradient",
        "oscillating-loss",
        "not-learning",
    ),
    "learning-rate-too-low": ("not-learning", "vanishing-gradient"),
    "exploding-gradient": ("nan-loss", "dead-units", "saturated-activation"),
    "dead-units": ("vanishing-gradient", "learning-rate-too-low", "not-learning"),
    "saturated-activation": (
        "vanishing-gradient",
        "learning-rate-too-low",
        "not-learning",
    ),
    "vanishing-gradient": ("learning-rate-too-low", "not-learning"),
}


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
    for code, effects in EXPLAINS.items():
        if finding.code in effects and any(claim.code == code for claim in claims):
            return code
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
        _order(finding.code),
        finding.first_step,
    )


def _order(code: str) -> int:
    known = list(EXPLAINS)
    return known.index(code) if code in known else len(known)
