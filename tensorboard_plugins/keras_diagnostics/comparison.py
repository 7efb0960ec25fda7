"""Runs side by side: hyperparameters, findings and losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_diagnostics import findings
from keras_diagnostics import schema
from keras_diagnostics.board import SCHEDULE
from keras_diagnostics.board import Board
from keras_diagnostics.tally import SEVERITIES
from keras_diagnostics.views.card import Table
from keras_diagnostics.views.card import column

_MOST_HYPERPARAMETERS = 30
_MOST_LOGS = 8
_FIRST_FINDING = "first_finding"
_READ_OF_EACH = (schema.FINDINGS_TAG, schema.RUN_TAG, schema.EPOCH_TAG)
_OF_FINDINGS = 6  # the first columns: the run, and what was found in it


def comparison_table(board: Board, runs: Sequence[str]) -> Table:
    """Returns one row for each run; what all have in common is marked in its column."""
    board.source.prefetch_documents(runs, _READ_OF_EACH)
    found = {run: _not_said(board.hyperparameters(run)) for run in runs}
    logs = {run: board.final_logs(run) for run in runs}
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    names = names[:_MOST_HYPERPARAMETERS]
    known = {n for run in runs for n in logs[run] if n.split("/")[0] not in SCHEDULE}
    there = sorted(known, key=_losses_first)
    there = there[:_MOST_LOGS]
    columns = [column("run", numeric=False)]
    columns += [column(s, f"{s}s" if s != "info" else s) for s in SEVERITIES]
    columns += [column("worst", "worst finding", numeric=False)]
    columns += [column("worst_layer", "in layer", numeric=False)]
    columns += [column("steps")]
    columns += [column(name, f"final {name}") for name in there]
    for name in names:
        values = [found[run].get(name) for run in runs]
        columns.append(column(f"hp:{name}", name, numeric=_are_numbers(values)))
    rows = [
        [run, *_findings_of(board, run), board.tally(run).steps]
        + [logs[run].get(name) for name in there]
        + [found[run].get(name) for name in names]
        for run in runs
    ]
    if len(rows) > 1:
        for at, described in enumerate(columns[_OF_FINDINGS:], start=_OF_FINDINGS):
            described["same"] = len({repr(row[at]) for row in rows}) == 1
    return Table("Findings, losses and hyperparameters of each run", columns, rows)


def _findings_of(board: Board, run: str) -> list[Any]:
    found = board.findings(run)
    if not board.was_examined(run):
        return [None, None, None, "not examined", None]
    worst = findings.worst_of(found)
    counts = board.tally(run).by_severity
    where = [worst["code"], worst["layer"]] if worst else [None, None]
    return [*counts.values(), *where]


def _not_said(hyperparameters: dict[str, Any]) -> dict[str, Any]:
    """Returns them without what our own search tells HParams of findings."""
    return {k: v for k, v in hyperparameters.items() if k != _FIRST_FINDING}


def _losses_first(name: str) -> tuple[bool, str, bool]:
    plain = name.removeprefix("val_")
    return plain != "loss", plain, name != plain


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(value is None or isinstance(value, int | float) for value in values)
