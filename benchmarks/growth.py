"""How the cost of a sample grows with the number of layers and of parameters.

Run as `python benchmarks/growth.py [--layers N ...] [--parameters N ...]`. A sample is
the difference between `TrainingDiagnostics(every=1)` and no callback, in processor time
of a step; the share is that of the default over all steps after the first sixteen.
"""

from __future__ import annotations

import argparse
import functools
import math
import os
import sys
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from machine import machine
from paired import FIRST_STEPS
from paired import Arm
from paired import compare
from trainings import Training
from trainings import dense_layers
from trainings import many_layers

from keras_extras.callbacks import TrainingDiagnostics

_LAYERS = {10: 1616, 100: 816, 1000: 112}  # steps to train
_PARAMETERS = {10**5: 1616, 10**6: 1616, 10**7: 336, 10**8: 64}

_HEADER = """\
| model | steps | ms per step | control | ms per sample | steps per sample | default | \
samples by default |
|---|---|---|---|---|---|---|---|"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, nargs="*", default=list(_LAYERS))
    parser.add_argument("--parameters", type=int, nargs="*", default=list(_PARAMETERS))
    options = parser.parse_args()
    print(f"{machine()}, batch 32, processor time\n")
    print(_HEADER)
    for count in options.layers:
        training = Training(many_layers(count, 32), (784,))
        _print_row(f"{count:,} layers", training, _LAYERS.get(count, 112))
    for count in options.parameters:
        units = max(round(math.sqrt(count)) - 10, 10)
        training = Training(_square(units), (units,))
        _print_row(f"{count:.0e} parameters", training, _PARAMETERS.get(count, 64))
    return 0


def _square(units: int) -> Callable[[], Any]:
    """Returns a maker of a network with one square matrix."""
    return functools.partial(dense_layers, units, inputs=units)


def _print_row(name: str, training: Training, steps: int) -> None:
    arms = [
        Arm("plain"),
        Arm("control"),
        Arm("default", lambda logs: [TrainingDiagnostics(verbose=0)]),
        Arm("every=1", lambda logs: [TrainingDiagnostics(every=1, verbose=0)]),
    ]
    compare(arms, training, steps)
    plain, control, default, each = arms
    sample = (sum(each.turns) - sum(plain.turns)) / (steps - FIRST_STEPS)
    step = plain.per_step(steps)
    cells = [
        name,
        str(steps),
        f"{1000 * step:.2f}",
        f"{control.excess(plain):+.1%}",
        f"{1000 * sample:.2f}",
        f"{sample / step:.2f}",
        f"{default.excess(plain):+.1%} (±{default.error(plain):.1%})",
        str(default.recorded),
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
