"""Answers each request for JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorboard import plugin_util
from tensorboard.backend import http_util
from werkzeug import wrappers

from keras_diagnostics import answers
from keras_diagnostics import assets
from keras_diagnostics import findings
from keras_diagnostics.board import Board
from keras_diagnostics.cache import Cache
from keras_diagnostics.cards import answer
from keras_diagnostics.damage import DamageCheck
from keras_diagnostics.request import Request
from keras_diagnostics.source import Source
from keras_diagnostics.views.theme import THEMES

_MOST_RUNS = 1_000  # that a request may name


class Routes:
    """Answers requests; what was read for one is there for the next.

    Args:
        provider: TensorBoard's data provider.
        flags: TensorBoard's flags, or `None`.
        plotly: The `Plotly` of the plugin.
    """

    def __init__(self, provider: Any, flags: Any, plotly: assets.Plotly) -> None:
        self._provider = provider
        self._plotly = plotly
        self._cache = Cache()
        self._damage = DamageCheck.of_flags(flags)
        self._methods: dict[str, Callable[[wrappers.Request, Board], Any]] = {
            "runs": self._runs,
            "findings": self._findings,
            "figure": self._figure,
            "export": self._export,
        }

    def answer(self, name: str, request: wrappers.Request) -> Any:
        """Returns plain values for JSON, or a response.

        Raises:
            ValueError: If a parameter has no valid value.
        """
        source = Source(
            self._provider,
            plugin_util.context(request.environ),
            plugin_util.experiment_id(request.environ),
            self._cache,
        )
        return self._methods[name](request, Board(source))

    def _runs(self, request: wrappers.Request, board: Board) -> Any:
        self._damage.report(board.source, board.runs())
        return answers.runs(board, self._plotly.describe())

    def _findings(self, request: wrappers.Request, board: Board) -> Any:
        return answers.findings(board, _runs_asked(request, board))

    def _figure(self, request: wrappers.Request, board: Board) -> Any:
        theme = answers.choice(request.args, "theme", THEMES)
        values = request.args
        asked = Request(
            card=values.get("card", ""),
            runs=_runs_asked(request, board),
            metric=values.get("metric") or None,
            layers=values.get("layers", ""),
            first=answers.whole(values, "from"),
            last=answers.whole(values, "to"),
            columns=answers.columns(values),
            layer=values.get("layer") or None,
        )
        there = set(board.runs())
        self._damage.report(board.source, [run for run in asked.runs if run in there])
        return answer(board, asked, theme)

    def _export(self, request: wrappers.Request, board: Board) -> wrappers.Response:
        format = answers.choice(request.args, "format", ("json", "markdown"))
        runs = _runs_asked(request, board)
        found = findings.order_by_run({run: board.findings(run) for run in runs})
        text, name, kind = findings.as_json(found), "findings.json", "application/json"
        if format == "markdown":
            text = findings.markdown_table(found, with_run=True) + "\n"
            name, kind = "findings.md", "text/plain"
        attachment = ("Content-Disposition", f'attachment; filename="{name}"')
        return http_util.Respond(request, text, kind, headers=[attachment])


def _runs_asked(request: wrappers.Request, board: Board) -> tuple[str, ...]:
    asked = dict.fromkeys(request.args.getlist("run")[:_MOST_RUNS])
    return tuple(asked) or tuple(board.runs())
