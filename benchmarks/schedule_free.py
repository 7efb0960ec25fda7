"""Schedule-free AdamW against AdamW in one cycle and on a line to zero.

Run as `python benchmarks/schedule_free.py [--seeds N]`. Three set-ups, two lengths,
each way at its best rate of a grid of ten, with Keras' weight decay of .004. NumPy
trains all rates side by side, with the formulas of the optimizers, which
`tests/test_schedule_free.py` compares. What it prints goes to `README.md`.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from finder import cycle
from machine import machine
from numpy_trainings import Networks
from numpy_trainings import batches
from small_trainings import DATA

SETUPS = {
    "digits": ([64, 64], "relu"),
    "fashion": ([64, 64], "relu"),
    "friedman": ([64, 64], "tanh"),
}
RATES = np.geomspace(3e-4, 0.1, 10)
WARMUP = 0.05


def line(steps: int) -> Any:
    """Returns the shares of the rate that warms up, then falls on a line to zero."""
    t, rising = np.arange(steps), round(WARMUP * steps)
    return np.minimum((t + 1) / (rising + 1), (steps - t) / (steps - rising))


def warmed_up(steps: int) -> Any:
    """Returns the shares of the rate that warms up and stays."""
    return np.minimum((np.arange(steps) + 1) / (WARMUP * steps), 1.0)


WAYS = {
    "AdamW, 1cycle": ("AdamW", cycle),
    "AdamW, linear to zero": ("AdamW", line),
    "AdamW, constant": ("AdamW", warmed_up),
    "schedule-free": ("ScheduleFreeAdamW", warmed_up),
    "the same as Keras' has it on TensorFlow": (
        "ScheduleFreeAdamW, reads later",
        warmed_up,
    ),
}


def losses(name: str, way: str, data: Any, steps: int, seed: int) -> Any:
    """Returns the validation loss at the end, for each rate."""
    (x, y), held_out = data
    hidden, activation = SETUPS[name]
    sizes = [x.shape[1], *hidden, 1 if y.ndim == 2 else 10]
    optimizer, shares = WAYS[way]
    networks = Networks(sizes, activation, optimizer, len(RATES), seed)
    for share, rows in zip(shares(steps), batches(len(x), steps, seed + 200)):
        networks.train(x[rows], y[rows], share * RATES)
    networks.take_average()
    found = networks.losses(*held_out)
    return np.where(np.isfinite(found), found, np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    np.seterr(all="ignore")  # rates that are too high
    print(f"{machine()}, {options.seeds} seeds\n\n| data | steps |", end="")
    print("".join(f" {way} |" for way in WAYS) + "\n" + "|---" * (2 + len(WAYS)) + "|")
    for name in SETUPS:
        data = DATA[name]()
        for steps in (300, 600):
            row = ""
            for way in WAYS:
                found = [
                    losses(name, way, data, steps, seed)
                    for seed in range(options.seeds)
                ]
                median = np.median(found, axis=0)
                best = int(median.argmin())
                row += f" {median[best]:.4f} at {RATES[best]:.2g} |"
            print(f"| {name} | {steps} |{row}", flush=True)


if __name__ == "__main__":
    main()
