"""Findings as they stand in event files: read, ordered, and written for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_diagnostics import schema
from keras_diagnostics.tally import SEVERITIES

_MOST = 1_000  # of a run
_LONGEST = 4_000  # characters
_FOR_THE_SCREEN = ("id", "depth", "as_for")
_DEEPEST = 3  # that consequences are indented

Finding = dict[str, Any]


def read_findings(found: Any, run: str) -> tuple[list[Finding], list[str]]:
    """Returns the findings of a run's document, with `run` and `id`.

    Also returns what is damaged in it, as sentences without an end.

    Raises:
        ValueError: If the document is not a list of findings.
    """
    if not isinstance(found, list) or not all(isinstance(f, dict) for f in found):
        raise ValueError("the findings are not a list of findings")
    findings = [_complete(finding, run) for finding in found[:_MOST]]
    damaged = [f for f, read in zip(found, findings) if not _is_intact(f, read)]
    texts = [f"Of {len(found):,} findings the first {_MOST:,} are read"]
    texts = texts if len(found) > _MOST else []
    if damaged:
        texts.append(f"Fields of {len(damaged):,} findings are damaged")
    return findings, texts


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


def nested(findings: Sequence[Finding]) -> list[Finding]:
    """Returns a run's findings, consequences below their causes, to be shown.

    Each has `depth`, how far to indent it, and `as_for`: code and layer of the one
    above it that has the same remedy, or `None`.
    """
    known = {finding["code"] for finding in findings}
    effects: dict[str | None, list[Finding]] = {}
    for finding in findings:
        cause = finding["cause"] if finding["cause"] in known else None
        effects.setdefault(cause, []).append(finding)
    placed: list[tuple[Finding, int]] = []
    done: set[int] = set()
    # Logs may come from anybody: what causes itself in a circle stands at the end.
    for top in (effects.pop(None, []), list(findings)):
        waiting = [(finding, 0) for finding in reversed(_together(top))]
        while waiting:
            finding, depth = waiting.pop()
            if id(finding) in done:
                continue
            done.add(id(finding))
            placed.append((finding, min(depth, _DEEPEST)))
            code = finding["code"]
            if not waiting or waiting[-1][0]["code"] != code:  # the last of its kind
                below = effects.pop(code, [])
                below = list(reversed(_together(below)))
                waiting += [(other, depth + 1) for other in below]
    first: dict[str, list[str | None]] = {}
    shown = []
    for finding, depth in placed:
        as_for = first.get(finding["remedy"])
        first.setdefault(finding["remedy"], [finding["code"], finding["layer"]])
        shown.append({**finding, "depth": depth, "as_for": as_for})
    return shown


def _together(findings: Sequence[Finding]) -> list[Finding]:
    """Returns findings with those of one code together, where the first stands."""
    place = {f["code"]: n for n, f in reversed(list(enumerate(findings)))}
    return sorted(findings, key=lambda finding: place[finding["code"]])


def as_json(findings: Sequence[Finding]) -> str:
    """Returns the findings as a JSON document for a file."""
    kept = [{k: v for k, v in f.items() if k not in _FOR_THE_SCREEN} for f in findings]
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
    code = _text(finding.get("code", "unknown"))
    layer = None if layer is None else _text(layer)
    identity = json.dumps([run, code, layer])
    return {
        "id": hashlib.sha256(identity.encode()).hexdigest()[:12],
        "run": run,
        "code": code,
        "severity": severity if severity in SEVERITIES else "info",
        "layer": layer,
        "first_step": schema.as_whole(finding.get("first_step")),
        "last_step": schema.as_whole(finding.get("last_step")),
        "evidence": _text(finding.get("evidence", "")),
        "remedy": _text(finding.get("remedy", "")),
        "confidence": _share(finding.get("confidence")),
        "cause": None if cause is None else _text(cause),
    }


def _is_intact(written: Finding, read: Finding) -> bool:
    """Returns whether all fields that were written could be read as they are."""
    return all(written[k] == v for k, v in read.items() if k in written and k != "run")


def _text(value: Any) -> str:
    return str(value)[:_LONGEST]


def _share(value: Any) -> float:
    is_share = isinstance(value, int | float) and 0 <= value <= 1
    return float(value) if is_share else 0.0


def _rank(finding: Mapping[str, Any]) -> int:
    return SEVERITIES.index(finding["severity"])
