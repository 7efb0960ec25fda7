"""Asks every route about damaged and hostile logs, with each reader of logs there is.

`python tests/fuzzing.py --seconds 600 --seed 1` goes on for a while, and stops at the
first answer that is none.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import struct
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import crafted_logs
from tensorboard.plugins import base_plugin
from werkzeug.test import Client

from keras_diagnostics.loader import Loader
from keras_diagnostics.log_files import FileProvider

GOOD = "good"
CARDS = ("gradients", "activations", "updates", "schedule", "loss", "finder")
CARDS += ("uncertainty", "histogram", "compare")
MOST_SECONDS = 2.0  # of the answering thread's processor time, for one answer
LONGEST_WAIT = 20.0  # until it is there, on a machine that does other things, too
TOGETHER = 6  # runs in one figure, each with a panel
HOSTILE_TEXTS = (
    "",
    "(a|aa)+$",
    "(.*)*(.*)*x",
    "((a{9}){9}){9}",
    "(" * 300,
    "[",
    "\\",
    "(?=a)",
    "a" * 500,
    "\0",
    "../../../../etc",
    "/etc",
    "..",
    "\ud7ff\U0010ffff",
    "%ff%fe",
    "<script>",
    "-1",
    "1e999",
    "NaN",
    "9" * 5000,
    "\uff11\uff12",
    "1_0",
    "None",
    "' OR 1=1",
)
PARAMETERS = ("run", "card", "metric", "layers", "from", "to", "columns", "layer")
PARAMETERS += ("theme", "format", "no_such_parameter")


class Asker:
    """Asks the plugin, in this process.

    Args:
        provider: A data provider.
        log_dir: What it reads.
    """

    def __init__(self, provider, log_dir):
        flags = argparse.Namespace(logdir=str(log_dir))
        context = base_plugin.TBContext(data_provider=provider, flags=flags)
        apps = Loader().load(context).get_plugin_apps()
        self._clients = {route: Client(app) for route, app in apps.items()}

    def ask(self, route, query="", refusals=False):
        """Returns a JSON answer; `None` for a refusal, where that is an answer."""
        # Not the process': the files are checked in a thread of its own meanwhile, and
        # earlier tests have left threads of Keras' and gRPC's here.
        before, began = time.thread_time(), time.monotonic()
        response = self._clients[route].get(f"{route}?{query}")
        seconds, waited = time.thread_time() - before, time.monotonic() - began
        text = response.get_data(as_text=True)
        asked = f"{route}?{query[:300]}"
        wanted = {200, 400, 404} if refusals else {200}
        assert response.status_code in wanted, f"{asked}: {text[:500]}"
        assert seconds < MOST_SECONDS, f"{asked}: {seconds:.1f} s"
        assert waited < LONGEST_WAIT, f"{asked}: {waited:.1f} s until it was there"
        if response.status_code != 200 or response.mimetype != "application/json":
            return None
        return json.loads(text, parse_constant=_refuse)

    def ask_all(self, runs, cards=CARDS):
        """Asks everything about some runs: each in one figure with the others."""
        names = "&".join(f"run={quote(run)}" for run in runs)
        answers = {"findings": self.ask("/findings", names)}
        for card in cards:
            query = f"card={card}&{names}&layers=.*"
            answers[card] = self.ask("/figure", query, refusals=len(runs) > 1)
        for format in ("json", "markdown"):
            self.ask("/export", f"{names}&format={format}")
        return answers

    def ask_hostile(self):
        """Sends queries that mean harm to every route."""
        for route in ("/runs", "/findings", "/figure", "/export", "/plotly.js"):
            for text in HOSTILE_TEXTS if route == "/figure" else HOSTILE_TEXTS[::3]:
                for parameter in PARAMETERS:
                    card = "" if parameter == "card" else "&card=gradients"
                    query = f"{parameter}={quote(text)}{card}"
                    self.ask(route, query, refusals=True)
        self.ask("/figure", "&".join(f"run=r{n}" for n in range(5000)), refusals=True)
        for text in HOSTILE_TEXTS:
            self.ask("/static/*", quote(text), refusals=True)


def drawn_of_good(asker):
    """Returns what the good run shows, but for what is of all runs together."""
    answers = asker.ask_all([GOOD])
    drawn = {
        card: [panel["figure"]["data"] for panel in answers[card]["panels"]]
        for card in CARDS
    }
    # Its colour tells it from the other runs.
    text = json.dumps([answers["findings"]["findings"], drawn], sort_keys=True)
    return json.loads(text, object_hook=_without_colors)


def _without_colors(document):
    return {k: v for k, v in document.items() if k not in ("color", "line", "marker")}


def mutated(data, chance):
    """Returns an event file in which something is not as it was written.

    Most have right checksums: somebody meant it.
    """
    kind = chance.choice(("bits", "cut", "inside", "inside", "inside", "shuffled"))
    if kind == "cut":
        return data[: chance.randrange(len(data))]
    if kind == "bits":
        return _flipped(data, chance)
    records = list(_records(data))
    if kind == "shuffled":
        chance.shuffle(records)
    else:
        for place in chance.sample(range(len(records)), min(5, len(records))):
            records[place] = _flipped(records[place], chance)
    return b"".join(map(crafted_logs.framed, records))


def _flipped(data, chance):
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _records(data):
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield data[at + 12 : at + 12 + length]
        at += 16 + length


def _refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


def main():
    """Mutates logs until the time is up."""
    import synthetic_logs as logs

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    root = Path(tempfile.mkdtemp())
    logs.write_full(root / GOOD)
    written = logs.event_file(root / GOOD).read_bytes()
    expected = drawn_of_good(Asker(FileProvider(root), root))
    seed = options.seed
    while time.monotonic() < end:
        chance = random.Random(seed)
        run = root / "mutated"
        run.mkdir(exist_ok=True)
        (run / "events.out.tfevents.1").write_bytes(mutated(written, chance))
        try:
            asker = Asker(FileProvider(root), root)
            asker.ask("/runs")
            asker.ask_all(["mutated"])
            assert drawn_of_good(asker) == expected
        except BaseException:
            print(f"seed {seed}: see {root}", file=sys.stderr)
            raise
        seed += 1
    shutil.rmtree(root)
    print(f"{seed - options.seed:,} mutations, each asked for with every route.")


if __name__ == "__main__":
    main()
