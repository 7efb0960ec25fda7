"""How large and how late the answers of the TensorBoard plugin are, and what it costs.

Run as `python benchmarks/plugin.py [--write DIR] [--logs DIR] [--starts N]
[--only-starts] [--only-list]`. Writes directories of logs, one with a single run of 500
layers and 10,000 recorded steps, one with 60 trials, one with 200 short runs; asks a
TensorBoard process for every card of the first two and for the list of the third; then
starts TensorBoard with and without the plugin, taking turns. `--write` only writes the
logs, `--logs` takes those written before.

The large run holds the vectors that the plugin reads, not the scalars of each layer
that the callbacks write beside them for other tabs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
from tensorboard.util.tensor_util import make_tensor_proto

from keras_diagnostics import schema
from keras_diagnostics.event_files import checksums_of
from keras_diagnostics.event_files import masked

LAYERS, STEPS, TRIALS, LISTED = 500, 10_000, 60, 200
ROOT = "data/plugin/keras_diagnostics/"
CARDS = ("gradients", "activations", "updates", "compare")
# Without TensorFlow, which TensorBoard imports if it can, and which has no part in it.
MAIN = """
import sys, types
sys.modules["tensorflow"] = None
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard import default
if sys.argv.pop(1) == "without":
    every = default.get_dynamic_plugins
    default.get_dynamic_plugins = lambda: [
        p for p in every() if "keras_diagnostics" not in p.__module__
    ]
from tensorboard.main import run_main
run_main()
"""


def write_large(root: Path) -> None:
    """Writes one run; a tenth of its layers are NaN from the middle on."""
    names = [f"stage_{n // 50}/block_{n // 5}/convolution_{n}" for n in range(LAYERS)]
    _write(root / "large", _events(names, STEPS, seed=0, broken_from=STEPS // 2))


def write_trials(root: Path) -> None:
    """Writes trials of a search, every third of them ill."""
    names = [f"block_{n // 4}/dense_{n}" for n in range(20)]
    for trial in range(TRIALS):
        broken_from = 150 if trial % 3 == 0 else None
        events = _events(names, 200, seed=trial, broken_from=broken_from)
        _write(root / f"trial_{trial:02d}" / "diagnostics", events)


def write_list(root: Path) -> None:
    """Writes many short runs, each with the loss and the like of 400 steps."""
    values = np.geomspace(2.0, 0.1, 400).tolist()
    series = {"steps": list(range(400)), "values": dict.fromkeys("abc", values)}
    for number in range(LISTED):
        *events, last = _events(["dense", "head"], 3, number, None)
        curve = {"session": "", "logs": series, "hyperparameters": series}
        last.summary.value.append(_document("curve", curve))
        _write(root / f"trial_{number:03d}" / "diagnostics", [*events, last])


def _events(
    names: list[str], steps: int, seed: int, broken_from: int | None
) -> Iterator[Any]:
    chance = np.random.default_rng(seed)
    shape = len(names)
    depth = np.geomspace(1e-6, 1e-1, shape)
    about = {
        "recorded": steps,
        "last_step": steps - 1,
        "about": {"optimizer": "Adam", "learning_rate": 10.0 ** chance.uniform(-5, 0)},
    }
    for step in range(steps):
        is_broken = broken_from is not None and step >= broken_from
        share = np.where(is_broken & (np.arange(shape) % 10 == 0), 1.0, 0.0)
        norms = np.where(share > 0, np.nan, depth * chance.lognormal(size=shape))
        vectors = {
            "gradient_norm": norms,
            "update_ratio": norms * 1e-2 / depth,
            "activation_dead_fraction": chance.random(shape),
            "activation_saturated_fraction": np.full(shape, np.nan),
            "gradient_nonfinite_fraction": share,
            "activation_nonfinite_fraction": np.zeros(shape),
        }
        values = [_vector(name, names, value) for name, value in vectors.items()]
        if step == steps - 1:
            found = [_finding(broken_from, steps)] if broken_from is not None else []
            values += [_document("run", about), _document("findings", found)]
        yield Event(step=step, wall_time=1e9 + step, summary=Summary(value=values))


def _finding(first: int, steps: int) -> dict[str, Any]:
    return {
        "code": "nan-loss",
        "severity": "error",
        "layer": None,
        "first_step": first,
        "last_step": steps - 1,
        "evidence": "the loss was not finite",
        "remedy": "Clip gradients: `clipnorm=1.0`.",
        "confidence": 0.9,
        "cause": None,
    }


def _vector(name: str, names: list[str], value: np.ndarray) -> Any:
    content = schema.encode_content("layers", names)
    return _value(name, content, make_tensor_proto(value.astype(np.float32)))


def _document(kind: str, document: Any) -> Any:
    content = schema.encode_content(kind)
    return _value(kind, content, make_tensor_proto(json.dumps(document), np.object_))


def _value(name: str, content: bytes, tensor: Any) -> Any:
    data = SummaryMetadata.PluginData(plugin_name=schema.PLUGIN_NAME, content=content)
    metadata = SummaryMetadata(plugin_data=data, data_class=DATA_CLASS_TENSOR)
    return Summary.Value(tag=schema.tag_of(name), metadata=metadata, tensor=tensor)


def _write(folder: Path, events: Iterable[Any]) -> None:
    """Writes an event file, records a hundred at a time for the checksums' sake."""
    folder.mkdir(parents=True)
    known: set[str] = set()
    with open(folder / "events.out.tfevents.1000000000.benchmark", "wb") as file:
        batch = [Event(file_version="brain.Event:2").SerializeToString()]
        for event in events:
            for value in event.summary.value:
                if value.tag in known:
                    value.ClearField("metadata")
                known.add(value.tag)
            batch.append(event.SerializeToString())
            if len(batch) == 100:
                _write_records(file, batch)
                batch = []
        _write_records(file, batch)


def _write_records(file: Any, records: list[bytes]) -> None:
    lengths = [struct.pack("<Q", len(record)) for record in records]
    heads = checksums_of(lengths)
    for record, length, head, tail in zip(
        records, lengths, heads, checksums_of(records)
    ):
        file.write(length + struct.pack("<I", masked(head)))
        file.write(record + struct.pack("<I", masked(tail)))


class Board:
    """A TensorBoard process."""

    def __init__(self, log_dir: Path, arm: str = "with") -> None:
        command = [sys.executable, "-c", MAIN, arm, "--logdir", str(log_dir)]
        command += ["--host", "127.0.0.1", "--port", "0", "--load_fast", "true"]
        began = time.perf_counter()
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.url = self._wait_for_url()
        self.get("data/plugins_listing")
        self.seconds_to_start = time.perf_counter() - began
        self.processor_seconds = 0.0

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = status
        self.processor_seconds = usage.ru_utime + usage.ru_stime

    def get(self, route: str) -> tuple[bytes, float]:
        """Returns an answer, uncompressed, and the seconds it took."""
        began = time.perf_counter()
        with urllib.request.urlopen(self.url + route, timeout=300) as response:
            data = response.read()
        return data, time.perf_counter() - began

    def processor_time(self) -> float:
        """Returns the seconds that the process has computed so far (on Linux)."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_for(self, last_step: int, runs: int) -> float:
        """Returns the seconds until all of the logs are read."""
        began = time.perf_counter()
        while True:
            answer = json.loads(self.get(ROOT + "runs")[0])
            there = [run["last_step"] == last_step for run in answer["runs"]]
            if len(there) == runs and all(there):
                return time.perf_counter() - began
            time.sleep(0.5)

    def _wait_for_url(self) -> str:
        said = []
        assert self._process.stderr is not None
        for line in self._process.stderr:
            said.append(line)
            found = re.search(r"at (http://\S+)", line)
            if found:
                return found[1]
        raise RuntimeError("TensorBoard did not start:\n" + "".join(said))


def measure_answers(log_dir: Path, last_step: int, runs: int, repeats: int) -> None:
    """Prints size and time of each answer."""
    with Board(log_dir) as board:
        waited = board.wait_for(last_step, runs)
        names = [r["name"] for r in json.loads(board.get(ROOT + "runs")[0])["runs"]]
        print(f"\n{log_dir.name}: {runs} runs, read by TensorBoard in {waited:.1f} s\n")
        print("| answer | MB | MB compressed | first time, s | again, s |")
        print("|---|---|---|---|---|")
        for title, route in _routes(names):
            data, first = board.get(ROOT + route)
            again = [board.get(ROOT + route)[1] for _ in range(repeats)]
            small = len(gzip.compress(data, 3)) / 1e6
            print(
                f"| {title} | {len(data) / 1e6:.2f} | {small:.2f} | {first:.3f} | "
                f"{statistics.median(again):.3f} |",
                flush=True,
            )


def _routes(names: list[str]) -> Iterator[tuple[str, str]]:
    yield "runs", "runs"
    yield "findings", "findings"
    yield from ((f"{card}, one run", _figure(card, names[:1])) for card in CARDS)
    most = f"{_figure('gradients', names[:1])}&columns=1000"
    yield "gradients, one run, 1,000 columns", most
    if len(names) > 1:
        yield "gradients, six runs", _figure("gradients", names[:6])
        yield "gradients, all runs", _figure("gradients", names)
        yield "compare, all runs", _figure("compare", names)


def _figure(card: str, runs: list[str]) -> str:
    pairs = [("card", card), *(("run", run) for run in runs)]
    return f"figure?{urllib.parse.urlencode(pairs)}"


def measure_list(log_dir: Path) -> None:
    """Prints how long the first list of many runs takes, and the processor's part."""
    with Board(log_dir) as board:
        while len(json.loads(board.get("data/runs")[0])) < LISTED:
            time.sleep(0.5)
        time.sleep(3.0)  # the last of them may be read in part only
        for title in ("first", "again"):
            before = board.processor_time()
            answer, seconds = board.get(ROOT + "runs")
            busy = board.processor_time() - before
            count = len(json.loads(answer)["runs"])
            print(f"| list of {count} runs, {title} | {seconds:.2f} s | {busy:.2f} s |")


def measure_starts(log_dir: Path, starts: int) -> None:
    """Prints the time to start, with the plugin and without, in random order."""
    arms = {"without": "without", "without again (control)": "without", "with": "with"}
    wall: dict[str, list[float]] = {name: [] for name in arms}
    processor: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(starts):
        for name in random.sample(list(arms), len(arms)):
            with Board(log_dir, arms[name]) as board:
                wall[name].append(board.seconds_to_start)
            processor[name].append(board.processor_seconds)
    print(f"\nstart of TensorBoard, medians of {starts}, and more than without\n")
    print("| plugin | s | more | processor s | more |")
    print("|---|---|---|---|---|")
    for name in arms:
        cells = [f"{_compared(of[name], of['without'])}" for of in (wall, processor)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _compared(values: list[float], others: list[float]) -> str:
    more = statistics.median(v - o for v, o in zip(values, others))
    return f"{statistics.median(values):.3f} | {more:+.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--write", type=Path, help="only write the logs, to here")
    parser.add_argument("--logs", type=Path, help="where logs were written before")
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--only-starts", action="store_true")
    parser.add_argument("--only-list", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.write or options.logs or Path(scratch)
        if options.only_list:
            write_list(Path(scratch) / "list")
            measure_list(Path(scratch) / "list")
            return
        if options.logs is None:
            write_large(root / "one")
            write_trials(root / "many")
            write_list(root / "list")
        if options.write is None and not options.only_starts:
            measure_answers(root / "one", STEPS - 1, 1, options.repeats)
            measure_answers(root / "many", 199, TRIALS, options.repeats)
            measure_list(root / "list")
        if options.write is None:
            measure_starts(root / "many", options.starts)


if __name__ == "__main__":
    main()
