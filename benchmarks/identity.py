"""Whether training comes out the same, bit for bit, with and without callbacks.

Run as `python benchmarks/identity.py [--models NAME ...] [--setups NAME ...]`. Each
model trains twice without callbacks, which has to come out the same, and then with
`TrainingDiagnostics()`, with `TrainingDiagnostics(every=1)`, and with all loggers and
histograms. Compared are all variables of the model, its metrics and its optimizers, the
history, and what the global random generators draw next. Ends with 1 if any differ.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing.connection
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from identity_matrix import CASES
from identity_matrix import SETUPS
from identity_matrix.case import Case
from identity_matrix.pair import CALLBACKS
from identity_matrix.pair import FAILS
from identity_matrix.pair import Pair
from identity_matrix.pair import run_pair
from identity_matrix.report import HEADER
from identity_matrix.report import details
from identity_matrix.report import row
from identity_matrix.report import summary

_FORK = multiprocessing.get_context("fork")


def main() -> int:
    options = _options()
    if options.list:
        print("models:", *CASES, "\nset-ups:", *SETUPS, "\ncallbacks:", *CALLBACKS)
        return 0
    pairs: list[Pair] = []
    print(HEADER, flush=True)
    for pair in _all_pairs(options):
        pairs.append(pair)
        print(row(pair), flush=True)
        print(details(pair, options.verbose), end="", flush=True)
        if options.json:
            text = json.dumps([each.as_dict() for each in pairs], indent=1)
            Path(options.json).write_text(text)
    print(f"\n{summary(pairs)}", flush=True)
    return int(any(pair.bad for pair in pairs) or not any(p.counts for p in pairs))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--setups", nargs="+", choices=SETUPS, default=list(SETUPS))
    parser.add_argument(
        "--callbacks", nargs="*", choices=CALLBACKS, default=list(CALLBACKS)
    )
    parser.add_argument("--jobs", type=int, default=1, help="models at a time")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--json", metavar="PATH", help="write all that was found there")
    parser.add_argument(
        "--verbose", action="store_true", help="all arrays and warnings"
    )
    return parser.parse_args()


def _all_pairs(options: argparse.Namespace) -> Iterator[Pair]:
    """Yields the pairs as they come, each model in a process of its own.

    Processes are forked before the backend has started anything, which saves them
    seven seconds of imports each.
    """
    longest_first = sorted(options.models, key=lambda name: -CASES[name].seconds)
    waiting = longest_first if options.jobs > 1 else list(options.models)
    running: dict[Any, _Model] = {}
    while waiting or running:
        while waiting and len(running) < options.jobs:
            model = _Model(waiting.pop(0), options)
            running[model.pairs] = model
        for pairs in multiprocessing.connection.wait(list(running)):
            try:
                yield running[pairs].receive()
            except EOFError:
                yield from running.pop(pairs).left_undone()


class _Model:
    """A process that trains one model in all set-ups."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.name = name
        self.pairs, theirs = _FORK.Pipe(duplex=False)
        self._setups = list(options.setups)
        arguments = (theirs, name, options.setups, tuple(options.callbacks))
        self._process = _FORK.Process(target=_work, args=arguments)
        self._process.start()
        theirs.close()

    def receive(self) -> Pair:
        """Returns the next pair. Raises `EOFError` after the last one."""
        pair = self.pairs.recv()
        self._setups.remove(pair.setup)
        return pair

    def left_undone(self) -> Iterator[Pair]:
        """Waits for the process, and yields what it died before, as failures."""
        self._process.join()
        why = f"the process ended with {self._process.exitcode}"
        for setup in self._setups:
            yield Pair(self.name, setup, FAILS, why)


def _work(pairs: Any, name: str, setups: list[str], callbacks: tuple[str, ...]) -> None:
    case = CASES[name]
    _prepare_devices(case)
    for setup in setups:
        pairs.send(run_pair(case, SETUPS[setup], callbacks))
    pairs.close()


def _prepare_devices(case: Case) -> None:
    if case.logical_cpus > 1:  # only with TensorFlow
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * case.logical_cpus
        tf.config.set_logical_device_configuration(cpu, logical)


if __name__ == "__main__":
    sys.exit(main())
