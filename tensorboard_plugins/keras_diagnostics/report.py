"""The dashboard as one HTML file, for people without TensorBoard."""

from __future__ import annotations

import argparse
import base64
import datetime
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_diagnostics import answers
from keras_diagnostics import assets
from keras_diagnostics import findings
from keras_diagnostics.board import Board
from keras_diagnostics.cache import Cache
from keras_diagnostics.cards import answer
from keras_diagnostics.cards import problems_of
from keras_diagnostics.html_pieces import escaped
from keras_diagnostics.html_pieces import findings_html
from keras_diagnostics.html_pieces import header_html
from keras_diagnostics.log_files import FileProvider
from keras_diagnostics.request import Request
from keras_diagnostics.run_header import steps_to_begin_with
from keras_diagnostics.source import Source
from keras_diagnostics.views.theme import THEMES

_MOST_RUNS = 12
_FILES = Path(__file__).parent / "report_files"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:"
)
_HEAVY = ("x", "y", "z", "text")


def read_board(log_dir: str | os.PathLike[str]) -> Board:
    """Returns what the logs below a directory hold.

    Raises:
        ValueError: If there is no such directory.
    """
    provider = FileProvider(log_dir)
    source = Source(provider, None, "", Cache())
    source.problems += provider.problems
    return Board(source)


def html_report(board: Board, title: str, charts: bool = True) -> str:
    """Returns findings and charts of all runs as one HTML document.

    Args:
        board: A `Board`.
        title: String, for the top of the page.
        charts: Boolean, whether to put Plotly and the charts into it; without them
            all the same is there as text. Defaults to `True`.
    """
    plotly = assets.Plotly().path if charts else None
    page = _Page(board, plotly is not None)
    body = page.body(title, charts)
    scripts = ""
    if plotly is not None:
        scripts = (
            f"<script>{_script(plotly.read_text('utf-8'))}</script>"
            f'<script type="application/json" id="figures">{_json(page.figures)}'
            f"</script><script>{_read('report.js')}</script>"
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{_read('report.css')}</style></head>"
        f"<body>{body}{scripts}</body></html>\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes a report; returns the exit status."""
    options = _options(arguments)
    try:
        board = read_board(options.log_dir)
        if not board.runs():
            raise ValueError(f"no logs of keras_extras in {options.log_dir!r}")
        text = _report(board, options)
    except ValueError as error:
        print(f"keras_extras.report: {error}", file=sys.stderr)
        return 1
    if options.output == "-":
        print(text, end="")
        return 0
    try:
        Path(options.output).write_text(text, "utf-8")
    except OSError as error:
        print(f"keras_extras.report: cannot write: {error}", file=sys.stderr)
        return 1
    found = answers.findings(board, board.runs())
    print(f"{found['summary']} Report: {options.output}")
    if options.format == "html" and options.charts and assets.Plotly().path is None:
        print(f"It has no charts. {assets.HINT}", file=sys.stderr)
    return 0


class _Page:
    """Collects figures while it writes the page around them."""

    def __init__(self, board: Board, charts: bool) -> None:
        self.board = board
        self.charts = charts
        self.figures: list[dict[str, Any]] = []

    def body(self, title: str, wanted: bool) -> str:
        runs = self.board.runs()
        found = answers.findings(self.board, runs)
        ordered = findings.worst_first({run: self.board.findings(run) for run in runs})
        sections = [self._run(run) for run in ordered[:_MOST_RUNS]]
        compared = self._comparison(runs) if len(runs) > 1 else ""
        more = len(runs) - _MOST_RUNS
        rest = f'<p class="muted">{more} more runs are in the table only.</p>'
        hint = "" if self.charts or not wanted else f"<p>{escaped(assets.HINT)}</p>"
        now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
        return (
            f"<header><h1>{escaped(title)}</h1>"
            f'<p class="muted">Diagnostics by keras_extras, {escaped(now)}</p>{hint}'
            f"</header><main>{_findings_card(found)}{compared}{''.join(sections)}"
            f"{rest if more > 0 else ''}{_problems(problems_of(self.board))}</main>"
        )

    def _comparison(self, runs: Sequence[str]) -> str:
        answered = self._ask(Request("compare", tuple(runs)))
        return f"<h2>Comparison</h2>{self._card(answered, table_open=True)}"

    def _run(self, run: str) -> str:
        cards = [card for card in self.board.cards(run) if card != "histogram"]
        shown = [self._card(self._ask(Request(card, (run,)))) for card in cards]
        found = answers.findings(self.board, [run])
        above = f'<p class="muted">{escaped(found["summary"])}</p>'
        above += header_html(found["header"])
        if len(self.board.runs()) == 1:  # said at the top of the page
            above = ""
        name = "" if run == "." else f"<h2>{escaped(run)}</h2>"
        return (
            f'<section>{name}{above}<div class="grid">{"".join(shown)}</div></section>'
        )

    def _ask(self, request: Request) -> dict[str, Any]:
        light, dark = (answer(self.board, request, t) for t in THEMES)
        for panel in [*light["panels"], *dark["panels"]]:
            self._zoom(panel, request.runs)
        for panel, other in zip(light["panels"], dark["panels"]):
            panel["figure"]["dark"] = _without_data(other["figure"])
        return light

    def _zoom(self, panel: dict[str, Any], runs: Sequence[str]) -> None:
        """Shows the steps before a NaN at first; the rest is there, further right."""
        if panel["x"] != "step" or len(runs) > 1:
            return
        (run,) = runs
        first, last = self.board.about(run)["first_step"], self.board.last_step(run)
        steps = steps_to_begin_with(self.board.findings(run), first, last)
        if steps is not None:
            axis = panel["figure"]["layout"]["xaxis"]
            axis["range"] = [steps[0] - 0.5, steps[1] + 0.5]

    def _card(self, answered: dict[str, Any], table_open: bool = False) -> str:
        alone = len(answered["panels"]) == 1
        charts = "".join(self._chart(panel, alone) for panel in answered["panels"])
        charts = f'<div class="charts">{charts}</div>' if charts else ""
        table = answered["table"]
        is_open = table_open or not self.charts
        below = ""
        if table is not None:
            below = (
                f"<details{' open' if is_open else ''}><summary>Table</summary>"
                f"{_table(table)}</details>"
            )
        steps = answered["steps"]
        shown = f" ({escaped(steps['text'])})" if steps else ""
        parts = (charts, below) if not table_open else (below, charts)
        return (
            f'<article class="card{" wide" if table_open else ""}">'
            f"<h3>{escaped(answered['title'])}</h3>"
            f'<p class="muted">{escaped(answered["how"])}{shown}</p>'
            f"{''.join(parts)}</article>"
        )

    def _chart(self, panel: dict[str, Any], alone: bool) -> str:
        if not self.charts:
            return ""
        self.figures.append(panel["figure"])
        title = escaped(panel["title"])
        caption = "" if alone else f'<figcaption class="muted">{title}</figcaption>'
        return (
            f"<figure>{caption}"
            f'<div class="chart" role="img" aria-label="{title}; the table holds the '
            f'same" data-figure="{len(self.figures) - 1}"></div></figure>'
        )


def _findings_card(found: dict[str, Any]) -> str:
    ordered = found["findings"]
    links = (
        _download("findings.json", "application/json", findings.as_json(ordered)),
        _download(
            "findings.md", "text/plain", findings.markdown_table(ordered, True) + "\n"
        ),
    )
    header = header_html(found["header"]) if found["header"] else ""
    table = findings_html(ordered, with_run=len(found["looked_at"]) > 1)
    return (
        f'<article class="card"><h3>Findings</h3><p>{escaped(found["summary"])}</p>'
        f"{header}{table}<p>Download: {' '.join(links)}</p></article>"
    )


def _table(table: dict[str, Any]) -> str:
    kinds = [' class="number"' if c["numeric"] else "" for c in table["columns"]]
    titles = [c["title"] for c in table["columns"]]
    head = "".join(f"<th{k}>{escaped(t)}</th>" for k, t in zip(kinds, titles))
    rows = "".join(
        "<tr>"
        + "".join(f"<td{k}>{escaped(_show(v))}</td>" for k, v in zip(kinds, row))
        + "</tr>"
        for row in table["rows"]
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>'
        f"<caption>{escaped(table['caption'])}</caption>"
        f"<tr>{head}</tr>{rows}</table></div>"
    )


def _problems(problems: Sequence[dict[str, Any]]) -> str:
    if not problems:
        return ""
    items = "".join(
        f"<li>{escaped(p['run'] or 'all runs')}: {escaped(p['text'])}</li>"
        for p in problems
    )
    return (
        '<article class="card problem"><h3>What could not be read</h3>'
        f"<ul>{items}</ul></article>"
    )


def _without_data(figure: dict[str, Any]) -> dict[str, Any]:
    kept = [{k: v for k, v in t.items() if k not in _HEAVY} for t in figure["data"]]
    return {"data": kept, "layout": figure["layout"]}


def _show(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _json(value: Any) -> str:
    """Returns JSON that cannot end the element it stands in."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _script(text: str) -> str:
    return text.replace("</script", "<\\/script")


def _read(name: str) -> str:
    return (_FILES / name).read_text("utf-8")


def _download(name: str, kind: str, text: str) -> str:
    data = base64.b64encode(text.encode("utf-8")).decode("ascii")
    return f'<a download="{name}" href="data:{kind};base64,{data}">{name}</a>'


def _report(board: Board, options: argparse.Namespace) -> str:
    found = findings.order_by_run({run: board.findings(run) for run in board.runs()})
    if options.format == "json":
        return findings.as_json(found)
    if options.format == "markdown":
        return findings.markdown_table(found, with_run=True) + "\n"
    title = options.title or f"Training report: {Path(options.log_dir).resolve().name}"
    return html_report(board, title, options.charts)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m keras_extras.report",
        description="Writes findings and charts of logged trainings to one file.",
    )
    parser.add_argument("log_dir", help="directory of the logs, as for TensorBoard")
    parser.add_argument(
        "-o", "--output", default="report.html", help='path, "-" prints (%(default)s)'
    )
    parser.add_argument(
        "--format", choices=("html", "json", "markdown"), default="html"
    )
    parser.add_argument("--title", help="for the top of the page")
    parser.add_argument(
        "--no-charts",
        dest="charts",
        action="store_false",
        help="text and tables only, in a file that is 5 MB smaller",
    )
    return parser.parse_args(arguments)
