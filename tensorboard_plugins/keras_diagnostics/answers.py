"""Answers that are no chart: the list of runs and the table of findings."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_diagnostics import findings as found
from keras_diagnostics import schema
from keras_diagnostics.board import Board
from keras_diagnostics.cards import KINDS
from keras_diagnostics.cards import problems_of
from keras_diagnostics.run_header import run_header
from keras_diagnostics.run_header import steps_to_begin_with
from keras_diagnostics.tally import counted
from keras_diagnostics.views.theme import RUN_COLORS

VERSION = 1
HOW_TO_READ_FINDINGS = (
    "The most severe run first, and in it the most likely cause; choose a row to mark "
    "its layer and steps in every chart."
)
_RUNS_WITH_LAYERS = 20
_READ_OF_EACH = (schema.FINDINGS_TAG, schema.RUN_TAG)
_MOST_FINDINGS = 1000
_FEWEST, _MOST, _USUAL = 50, 1000, 300


def runs(board: Board, plotly: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what there is to see: the runs, and the cards that each of them has."""
    names = board.runs()
    with_layers = len(names) <= _RUNS_WITH_LAYERS
    board.source.prefetch_documents(names, _READ_OF_EACH)
    entries = [_run(board, n, name, with_layers) for n, name in enumerate(names)]
    return {
        "version": VERSION,
        "plotly": plotly,
        "cards": [kind.describe() for kind in KINDS.values()],
        "runs": entries,
        "problems": problems_of(board),
    }


def findings(board: Board, names: Sequence[str]) -> dict[str, Any]:
    """Returns the findings of some runs, the most severe first."""
    board.source.prefetch_documents(names, _READ_OF_EACH)
    by_run = {run: board.findings(run) for run in names}
    looked_at = [_looked_at(board, run) for run in names]
    ordered = found.order_by_run({run: found.nested(f) for run, f in by_run.items()})
    return {
        "header": run_header(board, names[0]) if len(names) == 1 else None,
        "findings": ordered[:_MOST_FINDINGS],
        "looked_at": looked_at,
        "summary": _summary(by_run, looked_at),
        "how": HOW_TO_READ_FINDINGS,
        "problems": problems_of(board),
    }


def choice(values: Mapping[str, str], name: str, allowed: Sequence[str]) -> str:
    """Returns a parameter that is one of some words, the first if it is absent.

    Raises:
        ValueError: If it is another one.
    """
    value = values.get(name, allowed[0])
    if value not in allowed:
        known = ", ".join(allowed)
        raise ValueError(f"`{name}` must be one of {known}. Received: {value!r}")
    return value


def whole(values: Mapping[str, str], name: str) -> int | None:
    """Returns a parameter that is an integer, or `None` if it is absent.

    Raises:
        ValueError: If it is not an integer.
    """
    value = values.get(name, "")
    if value == "":
        return None
    try:
        return int(value)
    except ValueError as error:
        raise ValueError(f"`{name}` must be an integer. Received: {value!r}") from error


def columns(values: Mapping[str, str]) -> int:
    """Returns the most steps of a chart."""
    asked = whole(values, "columns")
    return _USUAL if asked is None else min(max(asked, _FEWEST), _MOST)


def _run(board: Board, number: int, name: str, with_layers: bool) -> dict[str, Any]:
    of_run = board.findings(name)
    worst = found.worst_of(of_run)
    layers = board.layers(name)
    about = board.about(name)
    last_step = board.last_step(name)
    color = number % len(RUN_COLORS["light"])
    return {
        "name": name,
        "color": RUN_COLORS["light"][color],
        "dark_color": RUN_COLORS["dark"][color],
        "cards": board.cards(name),
        "findings": dict(board.tally(name).by_severity),
        "examined": board.was_examined(name),
        "worst": worst and {k: worst[k] for k in ("code", "severity", "layer")},
        "first_step": about["first_step"],
        "last_step": last_step,
        "focus": steps_to_begin_with(of_run, about["first_step"], last_step),
        "recorded": about["recorded"],
        "layers": list(layers) if with_layers else [],
        "layer_count": len(layers),
    }


def _looked_at(board: Board, run: str) -> dict[str, Any]:
    tally = board.tally(run)
    return {
        "run": run,
        "examined": board.was_examined(run),
        "last_step": tally.steps - 1,
        "recorded": tally.sampled,
        "text": tally.in_steps,
    }


def _summary(
    by_run: Mapping[str, Sequence[Any]], looked_at: Sequence[Mapping[str, Any]]
) -> str:
    count = sum(map(len, by_run.values()))
    if not by_run:
        return "No run is chosen."
    if count:
        concerned = sum(1 for found_in in by_run.values() if found_in)
        where = f"{concerned} of {counted(len(by_run), 'run')}"
        if len(by_run) == 1:
            where = _one(looked_at[0])
        shown = f" The first {_MOST_FINDINGS:,} are shown."
        more = shown if count > _MOST_FINDINGS else ""
        return f"{counted(count)} in {where}.{more}"
    examined = [entry for entry in looked_at if entry["examined"]]
    if not examined:
        return (
            "Not examined: TrainingDiagnostics(log_dir) looks for findings, the "
            "loggers alone do not."
        )
    if len(examined) == 1:
        return f"No findings in {_one(examined[0])}."
    return f"No findings in {counted(len(examined), 'run')}."


def _one(looked_at: Mapping[str, Any]) -> str:
    name = "this run" if looked_at["run"] == "." else looked_at["run"]
    return f"{name} ({looked_at['text']})"
