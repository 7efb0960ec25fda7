"""Findings as HTML, for the report and for notebooks; all text in it is escaped."""

from __future__ import annotations

import html
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_diagnostics.docs_link import page_of_finding

_ICONS = {"error": "&#10006;", "warning": "&#9650;", "info": "&#8505;"}
_ICONS["good"] = "&#10004;"


def escaped(text: Any) -> str:
    """Returns text that HTML shows as it is."""
    return html.escape(str(text))


def with_code(text: str) -> str:
    """Returns HTML in which what stands in backticks is code."""
    parts = [escaped(part) for part in text.split("`")]
    if len(parts) % 2 == 0:  # one of them is a character, not the mark of code
        return escaped(text)
    return "".join(f"<code>{p}</code>" if n % 2 else p for n, p in enumerate(parts))


def header_html(header: Mapping[str, Any]) -> str:
    """Returns the verdict on a run, and its facts.

    Args:
        header: As `keras_diagnostics.run_header.run_header` returns it.
    """
    facts = "".join(
        f"<div><dt>{escaped(f['name'])}</dt><dd>{escaped(f['value'])}"
        f"{_note(f['note'])}</dd></div>"
        for f in header["facts"]
    )
    severity = header["severity"]
    icon = _ICONS.get(severity, _ICONS["info"])
    return (
        f'<p class="verdict {severity}"><span aria-hidden="true">{icon}</span> '
        f'{escaped(header["verdict"])}</p><dl class="facts">{facts}</dl>'
    )


def findings_html(findings: Sequence[Mapping[str, Any]], with_run: bool = False) -> str:
    """Returns a table of findings, or nothing if there are none.

    Args:
        findings: As `keras_diagnostics.findings.nested` returns them.
        with_run: Whether there is a column that names the run.
    """
    if not findings:
        return ""
    titles = ["severity", "finding", "run", "layer", "steps", "evidence", "what to do"]
    titles = [title for title in titles if with_run or title != "run"]
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    rows = "".join(_row(finding, with_run) for finding in findings)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Findings">'
        '<table class="findings">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(finding: Mapping[str, Any], with_run: bool) -> str:
    cells = [
        ("", _chip(finding["severity"])),
        ("code", _code(finding)),
        ("name", escaped(finding["run"])) if with_run else None,
        ("name", _layer(finding["layer"])),
        ("steps", _steps(finding["first_step"], finding["last_step"])),
        ("text", with_code(finding["evidence"])),
        ("text", _remedy(finding)),
    ]
    there = (cell for cell in cells if cell is not None)
    row = "".join(f'<td class="{kind}">{text}</td>' for kind, text in there)
    return f"<tr>{row}</tr>"


def _chip(severity: str) -> str:
    icon = f'<span aria-hidden="true">{_ICONS[severity]}</span>'
    return f'<span class="chip {severity}">{icon} {severity}</span>'


def _code(finding: Mapping[str, Any]) -> str:
    code, depth = finding["code"], int(finding["depth"])
    shown, page = f"<code>{escaped(code)}</code>", page_of_finding(code)
    if page is not None:
        target = f'href="{escaped(page)}" target="_blank" rel="noopener"'
        shown = f"<a {target}>{shown}</a>"
    if finding["cause"]:
        cause = f"<code>{escaped(finding['cause'])}</code>"
        shown += f'<br><span class="muted">follows from {cause}</span>'
    return f'<div class="depth-{depth}">{shown}</div>' if depth else shown


def _layer(layer: str | None) -> str:
    return "whole model" if layer is None else f"<code>{escaped(layer)}</code>"


def _steps(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,}&ndash;{last:,}"


def _remedy(finding: Mapping[str, Any]) -> str:
    if not finding["as_for"]:
        return with_code(finding["remedy"])
    code, layer = finding["as_for"]
    where = f" in <code>{escaped(layer)}</code>" if layer else ""
    return f'<span class="muted">as for <code>{escaped(code)}</code>{where}</span>'


def _note(text: str) -> str:
    return f" <small>{escaped(text)}</small>" if text else ""
