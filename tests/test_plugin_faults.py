"""Logs that are damaged, hostile, late or from the future; faults of our own."""

import argparse
import builtins
import json
import os
import struct
import subprocess
import sys
import types

import numpy as np
import pytest
import synthetic_logs as logs
from board_client import Board
from tensorboard.backend.event_processing import event_file_loader
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow
from tensorboard.plugins import base_plugin

from keras_diagnostics import cards
from keras_diagnostics import damage
from keras_diagnostics import schema
from keras_diagnostics.event_files import Records
from keras_diagnostics.event_files import checksums_of
from keras_diagnostics.loader import Loader
from keras_diagnostics.log_files import FileProvider
from keras_extras.summaries.writer import open_writer


def problems_of(board, route="runs", **parameters):
    return " ".join(p["text"] for p in board.json(route, **parameters)["problems"])


def age(path, seconds=3600):
    """Makes a file look as if nobody was writing it any more."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_truncated_file_shows_the_rest_and_says_so(tmp_path):
    logs.write_run(tmp_path / "cut")
    logs.write_run(tmp_path / "whole")
    path = logs.event_file(tmp_path / "cut")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    age(path)
    board = Board("--logdir", str(tmp_path))
    assert "ends within a record" in problems_of(board)
    cut = board.json("figure", card="gradients", run="cut")
    assert 0 < cut["steps"]["shown"] < 20
    assert board.json("figure", card="gradients", run="whole")["problems"] == []


def test_a_file_that_is_being_written_is_no_problem(tmp_path):
    logs.write_run(tmp_path / "run")
    path = logs.event_file(tmp_path / "run")
    path.write_bytes(path.read_bytes()[:-7])
    assert problems_of(Board("--logdir", str(tmp_path))) == ""


@pytest.mark.parametrize("where", ["length", "data"])
def test_damaged_file_shows_what_came_before_and_says_so(tmp_path, where):
    logs.write_run(tmp_path / "run")
    path = logs.event_file(tmp_path / "run")
    data = bytearray(path.read_bytes())
    offset = 0
    for _ in range(10):
        offset += 16 + struct.unpack_from("<Q", data, offset)[0]
    at = offset + (0 if where == "length" else 40)
    data[at : at + 4] = b"\xff\x00\xff\x00"
    path.write_bytes(data)
    board = Board("--logdir", str(tmp_path))
    assert f"damaged at byte {offset:,}" in problems_of(board)
    answer = board.json("figure", card="gradients", run="run")
    assert answer["steps"]["shown"] > 0
    assert "damaged" in answer["problems"][0]["text"]
    provider = FileProvider(tmp_path)
    assert "damaged" in provider.problems[0].text


def test_newer_schema_shows_the_rest_and_says_so(tmp_path, monkeypatch):
    version = schema.SCHEMA_VERSION
    monkeypatch.setattr(schema, "SCHEMA_VERSION", version + 1)
    logs.write_run(tmp_path / "newer", findings=[logs.finding()])
    monkeypatch.setattr(schema, "SCHEMA_VERSION", version)
    logs.write_run(tmp_path / "known", findings=[logs.finding()])
    board = Board("--logdir", str(tmp_path))
    assert f"schema {version + 1}" in problems_of(board)
    assert board.json("figure", card="gradients", run="newer")["state"] == "empty"
    assert board.json("figure", card="gradients", run="known")["state"] == "ok"
    assert len(board.json("findings")["findings"]) == 1


@pytest.mark.parametrize(
    "document",
    [
        "not json",
        '{"a": 1}',
        "[1, 2]",
        '[{"severity": "fatal", "first_step": "x", "confidence": NaN}]',
    ],
)
def test_damaged_findings_do_no_harm(tmp_path, document, monkeypatch):
    from keras_extras.summaries import events

    writer = open_writer(str(tmp_path / "run"))
    writer.records(logs.records())
    damaged = types.SimpleNamespace(dumps=lambda value: document)
    monkeypatch.setattr(events, "json", damaged)
    writer.findings(19, [logs.finding()])
    writer.close()
    monkeypatch.undo()
    board = Board("--logdir", str(tmp_path))
    answer = board.json("findings")
    if "severity" in document:
        (found,) = answer["findings"]
        assert (found["severity"], found["first_step"]) == ("info", 0)
        assert found["confidence"] == 0.0
    else:
        assert answer["findings"] == []
        assert "damaged" in problems_of(board, "findings")
    assert board.json("figure", card="gradients", run="run")["state"] == "ok"


def test_steps_of_another_model_are_left_out(tmp_path):
    logs.write_run(tmp_path, logs.records(steps=10))
    longer = logs.records(steps=30, layers=("a", "b"))
    logs.write_run(tmp_path, longer.at(np.arange(10, 30)))
    board = Board("--logdir", str(tmp_path), "--reload_multifile=true")
    answer = board.json("figure", card="gradients", run=".")
    assert answer["steps"]["last"] == 9
    assert "other layers" in answer["problems"][0]["text"]


def test_hostile_names_stay_text(tmp_path):
    layers = (logs.HOSTILE, "%{x}", "$text")
    of_records = logs.records(layers=layers, broken_from=5)
    found = logs.finding(layer=logs.HOSTILE, evidence=logs.HOSTILE, code=logs.HOSTILE)
    logs.write_run(tmp_path / "<b>run", of_records, [found])
    board = Board("--logdir", str(tmp_path))
    (run,) = board.json("runs")["runs"]
    assert run["name"] == "<b>run"
    answer = board.json("figure", card="gradients", run=run["name"])
    (panel,) = answer["panels"]
    assert panel["rows"] == list(layers)
    drawn = json.dumps(panel["figure"])
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn
    for trace in panel["figure"]["data"]:
        assert "script" not in trace["hovertemplate"]
    for card in ("schedule", "compare"):
        figures = [p["figure"] for p in board.json("figure", card=card)["panels"]]
        assert "<b>run" not in json.dumps(figures)
    assert "\\<script>" in board.get("export", format="markdown").get_data(True)


def test_a_fault_of_ours_is_one_answer(tmp_path, monkeypatch):
    logs.write_run(tmp_path / "run")
    board = Board("--logdir", str(tmp_path))

    def fail(board, request):
        raise RuntimeError("out of <b>luck</b>")

    kind = cards.KINDS["updates"]
    broken = type(kind)(**{**vars(kind), "make": fail})
    monkeypatch.setitem(cards.KINDS, "updates", broken)
    answer = board.json("figure", code=500, card="updates", run="run")
    assert "out of <b>luck</b>" in answer["error"]
    assert board.json("figure", card="gradients", run="run")["state"] == "ok"


def test_an_error_while_loading_ends_nothing(caplog, monkeypatch):
    imported = builtins.__import__

    def refuse(name, *rest):
        if name.endswith("keras_diagnostics.plugin"):
            raise ImportError("a module is missing")
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert Loader().load(base_plugin.TBContext()) is None
    assert "a module is missing" in caplog.text


def test_board_starts_although_the_plugin_fails(tmp_path, monkeypatch, caplog):
    from keras_diagnostics import plugin

    def fail(self, context):
        raise OSError("disk on fire")

    monkeypatch.setattr(plugin.DiagnosticsPlugin, "__init__", fail)
    board = Board("--logdir", str(tmp_path))
    assert "disk on fire" in caplog.text
    listing = board.client.get("/data/plugins_listing").get_json()
    assert "keras_diagnostics" not in listing


@pytest.mark.parametrize("given", [{}, {"keras_diagnostics": 7}])
def test_loader_asks_for_samples_unless_the_user_did(given):
    flags = argparse.Namespace(samples_per_plugin=dict(given))
    Loader().fix_flags(flags)
    expected = given.get("keras_diagnostics", 1000)
    assert flags.samples_per_plugin == {"keras_diagnostics": expected}
    Loader().fix_flags(argparse.Namespace())


def test_logs_that_appear_later_and_grow(tmp_path):
    board = Board("--logdir", str(tmp_path / "later"))
    assert board.json("runs")["runs"] == []
    assert board.json("findings")["summary"] == "No run is chosen."
    run = tmp_path / "later" / "run"
    writer = open_writer(str(run))
    half = logs.records()
    writer.records(half.at(np.arange(10)))
    writer.close()
    board.reload()
    first = board.json("figure", card="gradients", run="run")
    assert first["steps"]["last"] == 9
    logs.write_run(run, half.at(np.arange(10, 20)), [logs.finding()])
    board.reload()
    board.reload()  # the Python loader changes files on its second look
    grown = board.json("figure", card="gradients", run="run")
    assert grown["steps"]["last"] == 19
    assert grown["steps"]["recorded"] == 20
    assert len(board.json("findings")["findings"]) == 1


def test_two_callbacks_in_one_run_count_each_step_once(tmp_path):
    writer = open_writer(str(tmp_path))
    for _ in range(2):
        writer.records(logs.records())
    writer.scalars(20, {"mc_ece": 0.5})
    writer.close()
    board = Board("--logdir", str(tmp_path))
    (run,) = board.json("runs")["runs"]
    assert (run["recorded"], run["last_step"]) == (20, 19)
    answer = board.json("figure", card="gradients", run=".")
    assert answer["steps"]["text"] == "all 20 steps"


def test_path_prefix_and_several_named_directories(tmp_path):
    logs.write_run(tmp_path / "one", findings=[logs.finding()])
    logs.write_run(tmp_path / "two/deep")
    path = logs.event_file(tmp_path / "two/deep")
    path.write_bytes(path.read_bytes()[:-30])
    age(path)
    spec = f"a:{tmp_path / 'one'},b:{tmp_path / 'two'}"
    board = Board("--logdir_spec", spec, "--path_prefix", "/foo/bar")
    assert board.root.startswith("/foo/bar/")
    assert [run["name"] for run in board.json("runs")["runs"]] == ["a/.", "b/deep"]
    assert "ends within a record" in problems_of(board)
    assert board.get("static/index.js").status_code == 200
    assert board.json("figure", card="gradients", run="b/deep")["state"] == "ok"


def test_hyperparameters_of_the_hparams_plugin(tmp_path):
    from tensorboard.plugins.hparams import summary_v2

    from keras_extras.summaries.events import Summary

    trial = tmp_path / "trial_03/execution0"
    logs.write_run(trial / "diagnostics", findings=[logs.finding()], rate=9.0)
    start = summary_v2.hparams_pb({"units": 32, "rate": 0.1, "act": "relu"})
    writer = open_writer(str(trial))
    writer._put(0, lambda: list(Summary.FromString(start.SerializeToString()).value))
    writer.close()
    board = Board("--logdir", str(tmp_path))
    table = board.json("figure", card="compare")["table"]
    ids = [column["id"] for column in table["columns"]]
    (row,) = table["rows"]
    values = dict(zip(ids, row))
    assert (values["hp:units"], values["hp:act"]) == (32.0, "relu")
    assert values["hp:rate"] == 0.1


def test_losses_of_the_tensorboard_callback(tmp_path):
    logs.write_run(tmp_path / "run/diagnostics", findings=[])
    for role, loss in (("train", 0.25), ("validation", 0.5)):
        writer = open_writer(str(tmp_path / "run" / role))
        writer.scalars(0, {"epoch_loss": 9.0})
        writer.scalars(1, {"epoch_loss": loss})
        writer.close()
    board = Board("--logdir", str(tmp_path))
    table = board.json("figure", card="compare", run="run/diagnostics")["table"]
    (row,) = table["rows"]
    values = dict(zip([column["id"] for column in table["columns"]], row))
    assert (values["loss"], values["val_loss"]) == (0.25, 0.5)


def test_checksums_are_those_of_tensorboard():
    chance = np.random.default_rng(0)
    sizes = (0, 1, 3, 4, 5, 255, 256, 257, 5000)
    records = [chance.bytes(size) for size in sizes]
    expected = [pywrap_tensorflow.crc32c(record) for record in records]
    assert checksums_of(records) == expected


def test_records_are_those_of_tensorboard(tmp_path):
    logs.write_run(tmp_path)
    path = logs.event_file(tmp_path)
    ours = list(Records(path))
    assert ours == list(event_file_loader.RawEventFileLoader(str(path)).Load())
    assert len(ours) > 20
    skimmed = Records(path)
    skimmed.skim()
    assert (skimmed.offset, skimmed.fault) == (path.stat().st_size, None)


def test_large_files_are_skimmed(tmp_path, monkeypatch):
    logs.write_run(tmp_path / "run")
    path = logs.event_file(tmp_path / "run")
    path.write_bytes(path.read_bytes()[:-5])
    age(path)
    monkeypatch.setattr(damage, "_VERIFIED_BYTES", 100)
    assert "ends within a record" in problems_of(Board("--logdir", str(tmp_path)))


WITHOUT_TENSORFLOW = """
import argparse, sys
from tensorboard.plugins import base_plugin
from werkzeug.test import Client
from keras_diagnostics.loader import Loader
from keras_diagnostics.log_files import FileProvider

provider = FileProvider(sys.argv[1])
flags = argparse.Namespace(logdir=sys.argv[1])
context = base_plugin.TBContext(data_provider=provider, flags=flags)
apps = Loader().load(context).get_plugin_apps()
cards = ("gradients", "activations", "updates", "schedule", "loss", "compare")
for route in ("/runs", "/findings", "/plotly.js", *("/figure",) * len(cards)):
    query = f"?card={cards[0]}" if route == "/figure" else ""
    cards = cards[1:] if query else cards
    assert Client(apps[route]).get(route + query).status_code == 200, route
heavy = {"tensorflow", "keras", "keras_extras", "plotly", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""


def test_tensorflow_is_never_imported(tmp_path):
    logs.write_run(tmp_path / "run", findings=[logs.finding()], epochs=2)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, str(tmp_path)],
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
