"""How near the finder's rules come to the best of a grid of rates, in 30 set-ups.

Run as `python benchmarks/finder.py [--seeds N] [--steps N]`. Ten small networks on
three data sets, each with SGD with momentum, AdamW and Lion, are trained in one cycle
at each of 12 highest rates, and at those that the rules read off one sweep: that of
`find_learning_rate`, fastai's four, and Lightning's. NumPy trains them, side by side:
what is judged are the rules, on sweeps of the finder's own length and range, not how a
sweep is made in `fit`, which the tests compare with NumPy. What it prints goes to
`README.md`.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from machine import machine
from numpy_trainings import Networks
from numpy_trainings import batches
from small_trainings import DATA

from keras_extras.finder import LearningRateSweep

SWEEP_STEPS, LEAST, MOST, SMOOTHING, STOP = 300, 1e-6, 10.0, 0.98, 4.0
# Data, hidden layers, activation.
NETWORKS = [
    ("digits", [], "relu"),
    ("digits", [64], "relu"),
    ("digits", [64, 64], "relu"),
    ("digits", [32] * 4, "tanh"),
    ("fashion", [], "relu"),
    ("fashion", [64, 64], "relu"),
    ("fashion", [48] * 3, "elu"),
    ("friedman", [64], "relu"),
    ("friedman", [64, 64], "tanh"),
    ("friedman", [32] * 4, "elu"),
]
GRIDS = {
    "SGD": np.geomspace(1e-3, 3.0, 12),
    "AdamW": np.geomspace(1e-4, 0.3, 12),
    "Lion": np.geomspace(1e-5, 3e-2, 12),
}


def cycle(steps: int) -> Any:
    """Returns the shares of the highest rate in a cycle: up in 30 %, down in 70 %."""
    t = np.arange(steps) / steps
    up = 0.04 + 0.96 * (1 - np.cos(np.pi * t / 0.3)) / 2
    down = (1 + np.cos(np.pi * (t - 0.3) / 0.7)) / 2
    return np.where(t < 0.3, up, down)


def sweep(
    sizes: list[int], activation: str, optimizer: str, data: Any, seed: int
) -> tuple[Any, Any]:
    """Returns rates and losses as the finder sees them, until the loss explodes."""
    (x, y), _ = data
    network = Networks(sizes, activation, optimizer, 1, seed)
    rates, losses = np.geomspace(LEAST, MOST, SWEEP_STEPS), []
    average, best = 0.0, np.inf
    for step, rows in enumerate(batches(len(x), SWEEP_STEPS, seed + 100)):
        loss = float(network.train(x[rows], y[rows], rates[step : step + 1])[0])
        if not np.isfinite(loss):
            break
        losses.append(loss)
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed = average / (1 - SMOOTHING ** (step + 1))
        best = min(best, smoothed)
        if smoothed > STOP * best:
            break
    return rates[: len(losses)], np.array(losses)


def suggestions(rates: Any, losses: Any) -> dict[str, float]:
    """Returns the rate of each rule."""
    found = LearningRateSweep(rates, losses, SMOOTHING, SWEEP_STEPS, "edge")
    return {**found.suggestions, "Lightning": lightning(rates, found.smoothed)}


def lightning(rates: Any, smoothed: Any) -> float:
    """Returns the rate at which the loss falls fastest by the rate itself.

    The first 10 points and the last one are left out.
    """
    slopes = np.gradient(smoothed[10:-1], rates[10:-1])
    return float(rates[10 + int(np.argmin(slopes))])


def final_losses(
    sizes: list[int], activation: str, optimizer: str, data: Any, seed: int, rates: Any
) -> Any:
    """Returns the validation losses after a cycle at each of the highest rates."""
    steps, tops = rates
    (x, y), held_out = data
    networks = Networks(sizes, activation, optimizer, len(tops), seed)
    shares = cycle(steps)
    for share, rows in zip(shares, batches(len(x), steps, seed + 200)):
        networks.train(x[rows], y[rows], share * tops)
    losses = networks.losses(*held_out)
    return np.where(np.isfinite(losses), losses, np.inf)


def judged(network: Any, optimizer: str, data: Any, options: Any) -> Any:
    """Returns the suggested rates of each seed, and how far each rule is off."""
    _, hidden, activation = network
    (x, y), _ = data
    sizes = [x.shape[1], *hidden, 1 if y.ndim == 2 else 10]
    grid = GRIDS[optimizer]
    known, losses = [], []
    for seed in range(options.seeds):
        found = suggestions(*sweep(sizes, activation, optimizer, data, seed))
        tops = np.array([*grid, *found.values()])
        known.append(found)
        losses.append(
            final_losses(
                sizes, activation, optimizer, data, seed, (options.steps, tops)
            )
        )
    median = np.median(losses, axis=0)
    best = int(median[: len(grid)].argmin())
    off = median[len(grid) :] / median[best] - 1
    return grid[best], known, dict(zip(known[0], off))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    np.seterr(all="ignore")  # rates that are too high
    print(f"{machine()}, {options.seeds} seeds, {options.steps} steps\n")
    sets = {name: make() for name, make in DATA.items()}
    met: dict[str, int] = {}
    rules: list[str] = []
    for network in NETWORKS:
        for optimizer in GRIDS:
            best, known, off = judged(network, optimizer, sets[network[0]], options)
            if not rules:
                rules = list(off)
                print(
                    "| network | optimizer | best of the grid | `edge`: rates |", end=""
                )
                print("".join(f" {rule} |" for rule in rules))
                print("|---" * (4 + len(rules)) + "|")
            for rule, value in off.items():
                met[rule] = met.get(rule, 0) + (value <= 0.05)
            name, hidden, activation = network
            kind = " ".join([*map(str, hidden), activation]) if hidden else "linear"
            edges = ", ".join(f"{each['edge']:.2g}" for each in known)
            print(
                f"| {name}, {kind} | {optimizer} |"
                f" {best:.2g} | {edges} |"
                + "".join(f" {value:+.1%} |" for value in off.values()),
                flush=True,
            )
    print("\nwithin 5 % of the best of the grid, of 30: ", end="")
    print(", ".join(f"{rule} {count}" for rule, count in met.items()))


if __name__ == "__main__":
    main()
