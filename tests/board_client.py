"""TensorBoard's own application in this process, asked without a network."""

from __future__ import annotations

import json

from tensorboard import program
from tensorboard.backend import application
from tensorboard.backend.event_processing import data_ingester
from tensorboard.plugins.core import core_plugin
from werkzeug.test import Client

from keras_diagnostics.loader import Loader

ROOT = "/data/plugin/keras_diagnostics/"


class Board:
    """TensorBoard with the Python loader, and our plugin."""

    def __init__(self, *arguments, loader=None):
        loaders = [core_plugin.CorePluginLoader(), loader or Loader()]
        board = program.TensorBoard(plugins=loaders)
        board.configure([None, "--load_fast=false", *arguments])
        self.flags = board.flags
        flags = board.flags
        flags.reload_task, flags.reload_interval = "blocking", 0
        self.ingester = data_ingester.LocalDataIngester(flags)
        self.reload()
        self.app = application.TensorBoardWSGIApp(
            flags,
            board.plugin_loaders,
            self.ingester.data_provider,
            None,
            self.ingester.deprecated_multiplexer,
        )
        self.client = Client(self.app)
        self.root = flags.path_prefix.rstrip("/") + ROOT

    def reload(self):
        """Reads what was added to the logs."""
        self.ingester.start()

    def get(self, route, **parameters):
        """Returns the response to a request."""
        pairs = [
            (name.rstrip("_"), value)
            for name, values in parameters.items()
            for value in (values if isinstance(values, list) else [values])
        ]
        return self.client.get(self.root + route, query_string=_query(pairs))

    def json(self, route, code=200, **parameters):
        """Returns the JSON of the answer, which must be strict."""
        response = self.get(route, **parameters)
        text = response.get_data(as_text=True)
        assert response.status_code == code, text
        return json.loads(text, parse_constant=_refuse)


def _query(pairs):
    from urllib.parse import urlencode

    return urlencode(pairs)


def _refuse(constant):
    raise AssertionError(f"{constant} is not JSON")
