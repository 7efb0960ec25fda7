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
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from identity_matrix import CASES
from identity_matrix import SETUPS
from identity_matrix.case import Case
from identity_matrix.pair import CALLBACKS
from identity_matrix.pair import FAILS
from identity_matrix.pair import Outcome
from identity_matrix.pair import Pair
from identity_matrix.pair import run_pair
from identity_matrix.report import HEADER
from identity_matrix.report import details
from identity_matrix.report import row
from identity_matrix.report import summary

_MARK = "PAIR "


def main() -> int:
    options = _options()
    if options.list:
        print("models:", *CASES, "\nset-ups:", *SETUPS, "\ncallbacks:", *CALLBACKS)
        return 0
    if options.worker:
        _work(options)
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
    parser.add_argument("--verbose", action="store_true", help="each array, each warning")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _all_pairs(options: argparse.Namespace) -> Iterator[Pair]:
    """Yields the pairs as they come, each model in a process of its own."""
    finished: list[Pair] = []
    changed = threading.Condition()

    def run(name: str) -> None:
        for pair in _in_process(name, options):
            with changed:
                finished.append(pair)
                changed.notify()

    longest_first = sorted(options.models, key=lambda name: -CASES[name].seconds)
    order = longest_first if options.jobs > 1 else options.models
    expected = len(order) * len(options.setups)
    with ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(run, name) for name in order]
        for number in range(expected):
            with changed:
                while len(finished) <= number:
                    changed.wait(1)
                    for future in futures:
                        if future.done():
                            future.result()
            yield finished[number]


def _in_process(name: str, options: argparse.Namespace) -> Iterator[Pair]:
    """Yields the pairs of one model; the rest as failed if the process dies."""
    command = [sys.executable, __file__, "--worker", "--models", name]
    command += ["--setups", *options.setups, "--callbacks", *options.callbacks]
    waiting = list(options.setups)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        chatter: list[str] = []
        reader = threading.Thread(target=lambda: chatter.extend(process.stderr or ()))
        reader.start()
        for line in process.stdout or ():
            if line.startswith(_MARK):
                pair = Pair.from_dict(json.loads(line[len(_MARK) :]))
                waiting.remove(pair.setup)
                yield pair
        reader.join()
    why = f"the process ended with {process.returncode}: {''.join(chatter)[-300:]}"
    for setup in waiting:
        yield Pair(name, setup, FAILS, why, {"process": Outcome(FAILS, error=why)})


def _work(options: argparse.Namespace) -> None:
    for name in options.models:
        case = CASES[name]
        _prepare_devices(case)
        for setup in options.setups:
            pair = run_pair(case, SETUPS[setup], tuple(options.callbacks))
            print(_MARK + json.dumps(pair.as_dict()), flush=True)


def _prepare_devices(case: Case) -> None:
    import tensorflow as tf

    if case.logical_cpus > 1:
        (cpu,) = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * case.logical_cpus
        tf.config.set_logical_device_configuration(cpu, logical)


if __name__ == "__main__":
    sys.exit(main())
