"""The plugin: which requests there are, and who answers them.

What answers is imported with the first request: TensorBoard starts no later for it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import logging
import threading
import urllib.parse
from typing import TYPE_CHECKING
from typing import Any

from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from keras_diagnostics import assets
from keras_diagnostics import schema

if TYPE_CHECKING:
    from keras_diagnostics.routes import Routes

_logger = logging.getLogger("tensorboard")
_DAY = 86_400
_MOMENT = 0.5  # seconds
_ROUTES = ("runs", "findings", "figure", "export")


class DiagnosticsPlugin(base_plugin.TBPlugin):
    """Serves the "Diagnostics" tab of TensorBoard.

    TensorBoard makes it, through the entry point in `loader.py`.

    Args:
        context: TensorBoard's `TBContext`.
    """

    plugin_name = schema.PLUGIN_NAME

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._context = context
        self._files = assets.static_files()
        self._plotly = assets.Plotly()
        self._is_getting_ready = False

    def get_plugin_apps(self) -> dict[str, Any]:
        """Returns what answers each route."""
        apps = {
            "/static/*": wrappers.Request.application(self._static),
            "/plotly.js": wrappers.Request.application(self._bundle),
        }
        for name in _ROUTES:
            serve = functools.partial(self._serve, name)
            apps[f"/{name}"] = wrappers.Request.application(serve)
        return apps

    def is_active(self) -> bool:
        """Returns `False`: TensorBoard itself sees whether there are logs of ours."""
        return False

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Returns where the front end begins, and the name of the tab.

        The address says where Plotly is, so that the browser need not ask before it
        loads what is largest. TensorBoard asks for this when somebody opens its page,
        which is the time to get ready.
        """
        self._get_ready()
        path, url = "/static/index.js", self._plotly.describe()["url"]
        if url is not None:
            path += "?" + urllib.parse.urlencode({"plotly": url})
        return base_plugin.FrontendMetadata(es_module_path=path, tab_name="Diagnostics")

    def _get_ready(self) -> None:
        """Prepares what takes time, once, a moment after what TensorBoard is doing."""
        if self._is_getting_ready:
            return
        self._is_getting_ready = True

        def prepare() -> None:
            with contextlib.suppress(Exception):  # whoever asks for it gets the error
                importlib.import_module(f"{__package__}.routes")
                self._plotly.compressed()

        timer = threading.Timer(_MOMENT, prepare)
        timer.daemon = True
        timer.start()

    @functools.cached_property
    def _routes(self) -> Routes:
        from keras_diagnostics.routes import Routes

        context = self._context
        return Routes(context.data_provider, context.flags, self._plotly)

    def _serve(self, name: str, request: wrappers.Request) -> wrappers.Response:
        """Returns an answer, whatever happens."""
        try:
            result = self._routes.answer(name, request)
            is_response = isinstance(result, wrappers.Response)
            return result if is_response else _json(request, result)
        except ValueError as error:
            return _json(request, {"error": str(error), "hint": None}, 400)
        except Exception as error:
            _logger.exception("keras_diagnostics: %s failed", request.path)
            text = f"{type(error).__name__}: {error}"
            hint = "This is a fault of the Diagnostics plugin; its log says more."
            return _json(request, {"error": text, "hint": hint}, 500)

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


def _json(request: wrappers.Request, value: Any, code: int = 200) -> wrappers.Response:
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return http_util.Respond(request, text, "application/json", code=code)
