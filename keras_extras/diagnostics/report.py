"""Findings as text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from keras_diagnostics import findings as found
from keras_diagnostics.tally import Tally
from keras_diagnostics.tally import counted
from keras_extras.diagnostics.outcome import Outcome
from keras_extras.records.finding import Finding

_WIDTH = 88
_INDENT = " " * 4


def text_report(
    findings: Sequence[Finding],
    steps: int,
    samples: int,
    outcome: Outcome | None = None,
) -> str:
    """Returns the findings as text for a terminal, the first one on top.

    Args:
        findings: The findings, most likely root cause first.
        steps: Number of steps trained.
        samples: Number of steps sampled.
        outcome: How well the training goes, to say it where nothing was found.
    """
    tally = Tally.of((f.severity for f in findings), steps, samples)
    if not findings:
        return f"No findings in {tally.in_steps}{_course(outcome)}."
    roots = [finding for finding in findings if finding.cause is None]
    lines = [f"{counted(tally.findings)} in {tally.in_steps}:"]
    told: set[str] = set()
    number = 0
    for group in grouped_by_repair(roots):
        lines.append("")
        for finding in group:
            number += 1
            lines += _finding_lines(number, finding)
        lines += _wrapped("do:   ", group[0].remedy)
        for code in dict.fromkeys(f.code for f in group):
            effects = [f for f in findings if f.cause == code]
            if effects and code not in told:
                lines += _wrapped("leads to: ", ", ".join(_short(f) for f in effects))
            told.add(code)
    return "\n".join(lines)


def grouped_by_repair(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Returns findings in groups of one repair each, in the order of the first ones."""
    groups: list[list[Finding]] = []
    for finding in findings:
        known = next((g for g in groups if _has_same_repair(g[0], finding)), None)
        if known is None:
            groups.append([finding])
        else:
            known.append(finding)
    return groups


def _has_same_repair(one: Finding, other: Finding) -> bool:
    if one.repair is None or other.repair is None or not one.repair.is_applicable:
        return False
    return one.repair.kind == other.repair.kind and (
        one.repair.value == other.repair.value
    )


def line_without_claims(
    findings: Sequence[Finding], steps: int, samples: int, outcome: Outcome
) -> str:
    """Returns one line about a training in which no error or warning was found."""
    if not findings:
        return text_report(findings, steps, samples, outcome)
    tally = Tally.of((f.severity for f in findings), steps, samples)
    advice = counted(tally.findings, "piece") + " of advice"
    return (
        f"No errors or warnings in {tally.in_steps}{_course(outcome)}. "
        f"{advice}: `report()`."
    )


def _course(outcome: Outcome | None) -> str:
    """Returns from where to where the loss went, and what a constant has."""
    if outcome is None or not np.isfinite(outcome.last):
        return ""
    said = f": loss {outcome.first:.3g} to {outcome.last:.3g}"
    if np.isfinite(outcome.baseline):
        said += f", that of a constant is {outcome.baseline:.3g}"
    return said


def _short(finding: Finding) -> str:
    where = f" in '{finding.layer}'" if finding.layer else ""
    return f"{finding.code}{where} (from step {finding.first_step})"


def markdown_table(findings: Sequence[Finding]) -> str:
    """Returns the findings as a Markdown table."""
    return found.markdown_table([finding.to_dict() for finding in findings])


def _finding_lines(number: int, finding: Finding) -> list[str]:
    where = f" in '{finding.layer}'" if finding.layer else ""
    when = f"steps {finding.first_step}-{finding.last_step}"
    title = (
        f"{number}. {finding.severity.upper()} {finding.code}{where} "
        f"({when}, confidence {finding.confidence:.0%})"
    )
    return [title, *_wrapped("seen: ", finding.evidence)]


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=_INDENT + label,
        subsequent_indent=_INDENT + " " * len(label),
    )
