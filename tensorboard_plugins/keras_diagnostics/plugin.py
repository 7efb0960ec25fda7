"""The plugin: which requests there are, and who answers them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from tensorboard import plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from tensorboard_plugins.keras_diagnostics import answers
from tensorboard_plugins.keras_diagnostics import assets
from tensorboard_plugins.keras_diagnostics import findings
from tensorboard_plugins.keras_diagnostics import schema
from tensorboard_plugins.keras_diagnostics.board import Board
from tensorboard_plugins.keras_diagnostics.cards import answer
from tensorboard_plugins.keras_diagnostics.damage import DamageCheck
from tensorboard_plugins.keras_diagnostics.source import Cache
from tensorboard_plugins.keras_diagnostics.source import Source
from tensorboard_plugins.keras_diagnostics.views.card import Request

_logger = logging.getLogger("tensorboard")
_DAY = 86_400

Answer = Callable[[wrappers.Request, Board], Any]


class DiagnosticsPlugin(base_plugin.TBPlugin):
    """Serves the "Diagnostics" tab of TensorBoard.

    TensorBoard makes it, through the entry point in `loader.py`.

    Args:
        context: TensorBoard's `TBContext`.
    """

    plugin_name = schema.PLUGIN_NAME

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._provider = context.data_provider
        self._cache = Cache()
        self._files = assets.static_files()
        self._plotly = assets.Plotly()
        self._damage = DamageCheck.of_flags(context.flags)

    def get_plugin_apps(self) -> dict[str, Any]:
        """Returns what answers each route."""
        return {
            "/static/*": wrappers.Request.application(self._static),
            "/plotly.js": wrappers.Request.application(self._bundle),
            "/runs": self._route(self._runs),
            "/findings": self._route(self._findings),
            "/figure": self._route(self._figure),
            "/export": self._route(self._export),
        }

    def is_active(self) -> bool:
        """Returns `False`: TensorBoard itself sees whether there are logs of ours."""
        return False

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Returns where the front end begins, and the name of the tab."""
        return base_plugin.FrontendMetadata(
            es_module_path="/static/index.js", tab_name="Diagnostics"
        )

    def _route(self, method: Answer) -> Any:
        """Returns an application that answers with JSON, whatever happens."""

        def serve(request: wrappers.Request) -> wrappers.Response:
            try:
                board = self._board(request)
                result = method(request, board)
                if isinstance(result, wrappers.Response):
                    return result
                return _json(request, result)
            except ValueError as error:
                return _json(request, {"error": str(error), "hint": None}, 400)
            except Exception as error:
                _logger.exception("keras_diagnostics: %s failed", request.path)
                text = f"{type(error).__name__}: {error}"
                hint = "This is a fault of the Diagnostics plugin; its log says more."
                return _json(request, {"error": text, "hint": hint}, 500)

        return wrappers.Request.application(serve)

    def _board(self, request: wrappers.Request) -> Board:
        source = Source(
            self._provider,
            plugin_util.context(request.environ),
            plugin_util.experiment_id(request.environ),
            self._cache,
        )
        return Board(source)

    def _runs(self, request: wrappers.Request, board: Board) -> Any:
        self._damage.report(board.source, board.runs())
        return answers.runs(board, self._plotly.describe())

    def _findings(self, request: wrappers.Request, board: Board) -> Any:
        return answers.findings(board, _runs_asked(request, board))

    def _figure(self, request: wrappers.Request, board: Board) -> Any:
        theme = answers.choice(request.args, "theme", ("light", "dark"))
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
        self._damage.report(board.source, asked.runs)
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

    def _static(self, request: wrappers.Request) -> wrappers.Response:
        file = self._files.get(request.path.split("/static/", 1)[-1])
        if file is None:
            return _json(request, {"error": "no such file", "hint": None}, 404)
        return http_util.Respond(request, file.path.read_bytes(), file.content_type)

    def _bundle(self, request: wrappers.Request) -> wrappers.Response:
        bundle = self._plotly.compressed()
        if bundle is None:
            nothing = {"error": "Plotly is not installed", "hint": assets.HINT}
            return _json(request, nothing, 404)
        return http_util.Respond(
            request,
            bundle,
            "text/javascript",
            content_encoding="gzip",
            expires=_DAY,
        )


def _runs_asked(request: wrappers.Request, board: Board) -> tuple[str, ...]:
    return tuple(request.args.getlist("run")) or tuple(board.runs())


def _json(request: wrappers.Request, value: Any, code: int = 200) -> wrappers.Response:
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return http_util.Respond(request, text, "application/json", code=code)
