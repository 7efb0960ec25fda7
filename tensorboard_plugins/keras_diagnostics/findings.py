"""Findings as they stand in event files: read, ordered, and written for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_diagnostics import schema

SEVERITIES = ("error", "warning", "info")

Finding = dict[str, Any]


def read_findings(found: Any, run: str) -> list[Finding]:
    """Returns the findings of a run's document, with `run` and `id`.

    Raises:
        ValueError: If the document is not a list of findings.
    """
    if not isinstance(found, list) or not all(isinstance(f, dict) for f in found):
        raise ValueError("the findings are not a list of findings")
    return [_complete(finding, run) for finding in found]


def count_by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    """Returns how many findings there are of each severity."""
    counts = dict.fromkeys(SEVERITIES, 0)
    for finding in findings:
        counts[finding["severity"]] += 1
    return counts


def worst_of(findings: Sequence[Finding]) -> Finding | None:
    """Returns the first of the most severe findings."""
    return min(findings, key=_rank, default=None)


def worst_first(findings: Mapping[str, list[Finding]]) -> list[str]:
    """Returns the runs, those with the most severe findings first."""
    none = len(SEVERITIES)
    return sorted(findings, key=lambda r: min(map(_rank, findings[r]), default=none))


def order_by_run(findings: Mapping[str, list[Finding]]) -> list[Finding]:
    """Returns all findings, the runs with the most severe ones first."""
    return [finding for run in worst_first(findings) for finding in findings[run]]


def as_json(findings: Sequence[Finding]) -> str:
    """Returns the findings as a JSON document for a file."""
    kept = [{k: v for k, v in f.items() if k != "id"} for f in findings]
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def markdown_table(
    findings: Sequence[Mapping[str, Any]], with_run: bool = False
) -> str:
    """Returns the findings as a Markdown table.

    Args:
        findings: Findings as dicts.
        with_run: Whether there is a column that names the run.
    """
    if not findings:
        return "No findings."
    titles = ["severity", "finding", "layer", "steps", "evidence", "what to do"]
    titles = ["run", *titles] if with_run else titles
    rows = [titles, ["---"] * len(titles)]
    for finding in findings:
        cells = _cells(finding)
        rows.append([finding["run"], *cells] if with_run else cells)
    lines = ("| " + " | ".join(map(_escape, row)) + " |" for row in rows)
    return "\n".join(lines)


def _cells(finding: Mapping[str, Any]) -> list[str]:
    code, cause = finding["code"], finding.get("cause")
    return [
        finding["severity"],
        code if cause is None else f"{code} (from {cause})",
        finding["layer"] or "",
        f"{finding['first_step']}-{finding['last_step']}",
        finding["evidence"],
        finding["remedy"],
    ]


def _escape(cell: str) -> str:
    """Returns text that Markdown shows as it is, but for code in backticks."""
    parts = " ".join(cell.replace("|", "\\|").split()).split("`")
    return "`".join(
        part if number % 2 else part.replace("<", "\\<")
        for number, part in enumerate(parts)
    )


def _complete(finding: Finding, run: str) -> Finding:
    """Returns a finding with all fields of the right types, whoever wrote it."""
    severity = finding.get("severity")
    layer, cause = finding.get("layer"), finding.get("cause")
    code = str(finding.get("code", "unknown"))
    identity = json.dumps([run, code, layer])
    return {
        "id": hashlib.sha256(identity.encode()).hexdigest()[:12],
        "run": run,
        "code": code,
        "severity": severity if severity in SEVERITIES else "info",
        "layer": None if layer is None else str(layer),
        "first_step": schema.as_whole(finding.get("first_step")),
        "last_step": schema.as_whole(finding.get("last_step")),
        "evidence": str(finding.get("evidence", "")),
        "remedy": str(finding.get("remedy", "")),
        "confidence": _share(finding.get("confidence")),
        "cause": None if cause is None else str(cause),
    }


def _share(value: Any) -> float:
    is_share = isinstance(value, int | float) and 0 <= value <= 1
    return float(value) if is_share else 0.0


def _rank(finding: Mapping[str, Any]) -> int:
    return SEVERITIES.index(finding["severity"])
