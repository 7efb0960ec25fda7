"""Whether `mc_predict` has got slower, or faster, since another version.

Run as `python benchmarks/uncertainty_versions.py FOLDER [--rounds N]`. FOLDER is a
checkout of the other version. Three processes, of this version, of the other, and of
the other once more as a control, take turns in random order; each value is the
processor time of one whole prediction of 100 samples, and of the first one, which
compiles. Ends with 1 if a median ratio within rounds is above 1.03.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
NAMES = ("mlp100", "mlp1000", "cnn200", "lstm100", "transformer100")
BOUND = 1.03


class Version:
    """A process that predicts when it is told to, with one version of the package."""

    def __init__(self, folder: Path, name: str) -> None:
        paths = [folder, folder / "tensorboard_plugins", HERE / "benchmarks"]
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", name],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def predict(self) -> float:
        """Returns the seconds of processor time that a prediction takes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("predict\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> None:
        """Ends the process."""
        self._process.communicate()


def serve(name: str) -> None:
    """Predicts once for each line that comes in."""
    from uncertainty import CASES
    from uncertainty import by_us

    make, data = CASES[name]
    model, x = make(), data()
    for _ in sys.stdin:
        began = time.process_time()
        by_us(model, x)
        print(time.process_time() - began, flush=True)


def compare(name: str, other: Path, rounds: int) -> bool:
    """Prints the row of a model, and returns whether the bound is met."""
    arms = {
        "this": Version(HERE, name),
        "other": Version(other, name),
        "control": Version(other, name),
    }
    first = {arm: version.predict() for arm, version in arms.items()}
    seconds: dict[str, list[float]] = {arm: [] for arm in arms}
    for _ in range(rounds):
        for arm in random.sample(list(arms), len(arms)):
            seconds[arm].append(arms[arm].predict())
    for version in arms.values():
        version.end()
    ratio, control = (
        _ratio(seconds[arm], seconds["other"]) for arm in ("this", "control")
    )
    met = ratio <= BOUND
    cells = [name, f"{1e3 * statistics.median(seconds['other']):.0f}"]
    cells += [f"{ratio:.3f}", f"{control:.3f}"]
    cells += [f"{first['this']:.2f}", f"{first['other']:.2f}"]
    print(f"| {' | '.join(cells)} | {'met' if met else '**not met**'} |", flush=True)
    return met


def _ratio(some: list[float], others: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(some, others))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--model", nargs="+", choices=NAMES, default=NAMES)
    options = parser.parse_args()
    print("| model, rows | ms | ratio | control | first, s | first before, s | |")
    print("|---|---|---|---|---|---|---|", flush=True)
    met = [compare(n, options.other.resolve(), options.rounds) for n in options.model]
    return 0 if all(met) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        serve(sys.argv[2])
    else:
        sys.exit(main())
