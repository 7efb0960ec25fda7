"""No log, and no query, takes the tab away, or more than its share of time and room."""

import contextlib
import os
import random
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import crafted_logs
import fuzzing
import pytest
import synthetic_logs as logs
from board_client import Board
from fuzzing import GOOD
from fuzzing import Asker
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.data import server_ingester
from tensorboard.util import grpc_util

from keras_diagnostics import report
from keras_diagnostics.event_files import Records
from keras_diagnostics.log_files import FileProvider

MUTATIONS = 60
MOST_MEGABYTES = 700
CASES = crafted_logs.cases()
READERS = ("files", "python", "rust")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A good run beside all that are none, and a directory of the good one only."""
    root, alone = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("alone")
    logs.write_full(root / GOOD)
    (alone / GOOD).symlink_to(root / GOOD, target_is_directory=True)
    written = logs.event_file(root / GOOD).read_bytes()
    for name, events in CASES.items():
        crafted_logs.write(root / name, events)
    for seed in range(MUTATIONS):
        run = root / f"mutated {seed}"
        run.mkdir()
        data = fuzzing.mutated(written, random.Random(seed))
        (run / "events.out.tfevents.1").write_bytes(data)
    return root, alone


@contextlib.contextmanager
def provider_of(reader, root):
    """Yields a data provider that has read all there is."""
    if reader == "files":
        yield FileProvider(root)
    elif reader == "python":
        yield Board("--logdir", str(root)).ingester.data_provider
    else:
        with data_server(root) as address:
            creds = grpc_util.ChannelCredsType.LOCAL
            ingester = server_ingester.ExistingServerDataIngester(
                address, channel_creds_type=creds
            )
            _wait_until_read(ingester.data_provider)
            yield ingester.data_provider


@contextlib.contextmanager
def data_server(root):
    """Runs TensorBoard's fast reader, and yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder, "port")
        flags = ["--reload=once", "--port=0", "--die-after-stdin"]
        flags += [f"--logdir={root}", f"--port-file={port}"]
        flags += ["--samples-per-plugin=keras_diagnostics=1000"]
        binary = server_ingester.get_server_binary().path
        with subprocess.Popen([binary, *flags], stdin=subprocess.PIPE) as server:
            deadline = time.monotonic() + 30
            while not (port.exists() and port.read_text().endswith("\n")):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield f"localhost:{port.read_text().strip()}"
            server.stdin.close()


def readable_for_tensorboard(root, chosen):
    """Returns a directory of links to those runs that end no reader of TensorBoard's.

    Its Python reader stops for good, in all runs, at an event that is no message.
    """
    for run in root.iterdir():
        try:
            for path in run.iterdir():
                for record in Records(path):
                    Event.FromString(record)
        except DecodeError:
            continue
        (chosen / run.name).symlink_to(run, target_is_directory=True)
    return chosen


def _wait_until_read(provider):
    deadline, before = time.monotonic() + 30, -1
    while time.monotonic() < deadline:
        runs = {run.run_name for run in provider.list_runs(None, experiment_id="")}
        if GOOD in runs and len(runs) == before:
            return
        before = len(runs)
        time.sleep(0.5)
    raise AssertionError("the server does not read")


def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("reader", READERS)
def test_no_log_takes_anything_away(hostile, reader, tmp_path):
    root, alone = hostile
    with provider_of(reader, alone) as provider:
        expected = fuzzing.drawn_of_good(Asker(provider, alone))
    if reader == "python":
        root = readable_for_tensorboard(root, tmp_path)
    before = megabytes()
    with provider_of(reader, root) as provider:
        _ask_everything(Asker(provider, root), expected)
    assert megabytes() - before < MOST_MEGABYTES


def _ask_everything(asker, expected):
    listed = asker.ask("/runs")
    names = [run["name"] for run in listed["runs"]]
    assert GOOD in names
    assert not any("fault of the Diag" in p["text"] for p in listed["problems"])
    for first in range(0, len(names), fuzzing.TOGETHER):
        asker.ask_all(names[first : first + fuzzing.TOGETHER])
    # Runs with nothing but histograms are not listed, yet can be asked for.
    for name in dict.fromkeys([*names, *CASES]):
        if "histograms" in name or "mutated" in name:
            asker.ask("/figure", f"card=histogram&run={quote(name)}")
    assert fuzzing.drawn_of_good(asker) == expected
    for card in fuzzing.CARDS[:-2]:
        asker.ask("/figure", f"card={card}")


def test_there_are_enough_cases():
    assert len(CASES) >= 120


@pytest.mark.parametrize("reader", READERS)
def test_no_query_takes_anything_away(tmp_path, reader):
    logs.write_full(tmp_path / GOOD)
    crafted_logs.write(tmp_path / "long names", CASES_OF_NAMES)
    with provider_of(reader, tmp_path) as provider:
        Asker(provider, tmp_path).ask_hostile()


CASES_OF_NAMES = [
    event
    for name, events in CASES.items()
    if "20,000 layers" in name or "300 kB" in name
    for event in events
]


@pytest.mark.parametrize(
    "arguments", [[], ["--format", "json"], ["--format", "markdown"]]
)
def test_no_log_takes_the_report_away(hostile, tmp_path, capsys, arguments):
    root, _ = hostile
    output = tmp_path / "report"
    assert report.main([str(root), "-o", str(output), "--no-charts", *arguments]) == 0
    assert output.stat().st_size > 1000


def test_circles_and_pipes_end(tmp_path):
    logs.write_full(tmp_path / GOOD)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for link, to in (("a/b", "b"), ("b/a", "a"), ("a/up", "."), ("b/self", "b")):
        (tmp_path / link).symlink_to(tmp_path / to, target_is_directory=True)
    (tmp_path / "a/root").symlink_to("/", target_is_directory=True)
    os.mkfifo(tmp_path / GOOD / "events.out.tfevents.9.pipe")
    (tmp_path / GOOD / "events.out.tfevents.9.none").symlink_to("/dev/zero")
    provider = FileProvider(tmp_path)
    assert [r.run_name for r in provider.list_runs(None, experiment_id="")] == [GOOD]
    asker = Asker(provider, tmp_path)
    assert asker.ask("/figure", f"card=gradients&run={GOOD}")["state"] == "ok"


def test_only_runs_of_the_log_directory_are_looked_at(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "events.out.tfevents.1").write_bytes(b"secret")
    logs.write_full(tmp_path / "logs" / GOOD)
    asker = Asker(FileProvider(tmp_path / "logs"), tmp_path / "logs")
    for run in ("../outside", str(outside), "good/../../outside"):
        answer = asker.ask("/figure", f"card=gradients&run={run}")
        assert answer["state"] == "empty"
        assert answer["problems"] == []


def test_names_that_are_not_utf_8(tmp_path):
    logs.write_full(tmp_path / GOOD)
    os.rename(tmp_path / GOOD, os.fsencode(tmp_path) + b"/g\xffd")
    assert (
        report.main([str(tmp_path), "-o", str(tmp_path / "r.html"), "--no-charts"]) == 0
    )
