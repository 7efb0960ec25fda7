"""What 100 samples cost with `mc_predict`, against the usual ways to draw them.

Run as `python benchmarks/uncertainty.py [--rounds N] [--model NAME ...]`, with
`--memory` for peak memory instead of time. All ways take turns in one process, in
random order; each value is one whole prediction.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_extras.uncertainty import mc_predict

SAMPLES = 100
BACKEND = keras.backend.backend()
# The layers before the first dropout, of a Sequential model.
PREFIX = {"mlp": 1, "cnn": 5, "lstm": 0}


def mlp() -> Any:
    stack = [layers.Dense(300, activation="relu"), layers.Dropout(0.2)]
    stack += [layers.Dense(100, activation="relu"), layers.Dropout(0.2)]
    return keras.Sequential(
        [keras.Input((784,)), *stack, layers.Dense(10, activation="softmax")]
    )


def cnn() -> Any:
    stack = [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()]
    stack += [layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D()]
    stack += [layers.Flatten(), layers.Dropout(0.25)]
    stack += [layers.Dense(128, activation="relu"), layers.Dropout(0.5)]
    return keras.Sequential(
        [keras.Input((28, 28, 1)), *stack, layers.Dense(10, activation="softmax")]
    )


def lstm() -> Any:
    memory = layers.LSTM(64, dropout=0.2, recurrent_dropout=0.2)
    return keras.Sequential(
        [keras.Input((30, 16)), memory, layers.Dense(5, activation="softmax")]
    )


def transformer() -> Any:
    words = keras.Input((40,), dtype="int32")
    x = layers.Embedding(2000, 32)(words)
    attended = layers.MultiHeadAttention(4, 8, dropout=0.1)(x, x)
    x = layers.LayerNormalization()(x + attended)
    hidden = layers.Dense(64, activation="relu")(x)
    x = layers.LayerNormalization()(x + layers.Dropout(0.1)(layers.Dense(32)(hidden)))
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(words, layers.Dense(2, activation="softmax")(x))


def floats(rows: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).random((rows, *shape), dtype=np.float32)


def words(rows: int, length: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2000, (rows, length)).astype("int32")


# Name: model, its inputs.
CASES: dict[str, tuple[Callable[[], Any], Callable[[], np.ndarray]]] = {
    "mlp100": (mlp, lambda: floats(100, 784)),
    "mlp1000": (mlp, lambda: floats(1000, 784)),
    "cnn200": (cnn, lambda: floats(200, 28, 28, 1)),
    "lstm100": (lstm, lambda: floats(100, 30, 16)),
    "transformer100": (transformer, lambda: words(100, 40)),
}


def by_predict(model: Any, x: np.ndarray) -> Any:
    """What books print for `predict`: it does not even sample, but costs the same."""
    found = np.stack([model.predict(x, verbose=0) for _ in range(SAMPLES)])
    return found.mean(axis=0), found.std(axis=0)


def by_calls(model: Any, x: np.ndarray) -> Any:
    calls = [model(x, training=True) for _ in range(SAMPLES)]
    found = np.stack([keras.ops.convert_to_numpy(call) for call in calls])
    return found.mean(axis=0), found.std(axis=0)


def by_hand(name: str, model: Any) -> Callable[[Any, np.ndarray], Any]:
    """The best loop that one would write for this very model on this backend.

    The part before the first dropout once, then chunks of the samples that the
    processor likes, the same statistics as `mc_predict`.
    """
    loops = importlib.import_module(f"mc_loops_{BACKEND}")
    return loops.by_hand(model, PREFIX.get(name.rstrip("0123456789")), SAMPLES)


def by_us(model: Any, x: np.ndarray) -> Any:
    found = mc_predict(model, x, SAMPLES, verbose=0)
    return found.mean, found.std, found.mutual_information, found.variation_ratio


def measure(name: str, rounds: int, only_quick: bool) -> str:
    """Returns a table of all ways."""
    make, data = CASES[name]
    model, x = make(), data()
    quick = {
        "`mc_predict`": by_us,
        "`mc_predict` again (control)": by_us,
        "(d) compiled loop by hand": by_hand(name, model),
    }
    tiled = importlib.import_module(f"mc_loops_{BACKEND}").tiler(model, SAMPLES)
    slow = {
        "(a) 100 times `predict`": by_predict,
        "(b) 100 times `model(x, training=True)`": by_calls,
        "(c) all samples tiled at once": tiled,
    }
    first = {}
    for way, compiles in {**quick, "(c) all samples tiled at once": tiled}.items():
        start = time.process_time()
        compiles(model, x)
        first[way] = time.process_time() - start
    model.predict(x, verbose=0)
    print(", ".join(f"{way}: {s:.2f}" for way, s in first.items()), end="")
    print(" s of processor time at the first call\n")
    return table(take_turns(quick, {} if only_quick else slow, model, x, rounds))


def take_turns(
    quick: dict[str, Any], slow: dict[str, Any], model: Any, x: np.ndarray, rounds: int
) -> dict[str, dict[int, float]]:
    """Returns the seconds of each way by round; of the slow ones in every eighth."""
    seconds: dict[str, dict[int, float]] = {way: {} for way in [*quick, *slow]}
    for number in range(rounds):
        ways = quick if number % 8 else quick | slow
        for way in random.sample(list(ways), len(ways)):
            start = time.perf_counter()
            ways[way](model, x)
            seconds[way][number] = time.perf_counter() - start
    return seconds


def table(seconds: dict[str, dict[int, float]]) -> str:
    """Returns times, and how many times those of the first way they are."""
    base = next(iter(seconds.values()))
    lines = ["| way | turns | ms, median | times `mc_predict` |", "|---|---|---|---|"]
    for way, by_round in seconds.items():
        milliseconds = 1000 * statistics.median(by_round.values())
        within = sorted(s / base[number] for number, s in by_round.items())
        ratio, turns = statistics.median(within), len(within)
        low, high = within[turns // 4], within[3 * turns // 4]
        lines.append(
            f"| {way} | {turns} | {milliseconds:.0f} | {ratio:.2f} "
            f"({low:.2f} to {high:.2f}) |"
        )
    return "\n".join(lines)


def peak_memory(name: str, way: str) -> float:
    """Returns the peak memory of this process after one prediction, MiB."""
    make, _ = CASES[name]
    model = make()
    x = floats(10_000, *model.input_shape[1:])
    if way == "predict":
        model.predict(x, verbose=0)
    elif way == "mc_predict":
        mc_predict(model, x, SAMPLES, verbose=0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory_table(rounds: int) -> str:
    """Returns peak memory, each time in a process of its own, medians.

    What a process has that holds the model and its inputs is taken off.
    """
    lines = ["| model | `predict`, MiB | `mc_predict`, MiB | ratio |"]
    lines.append("|---|---|---|---|")
    for name in ("mlp1000", "cnn200"):
        peaks = {
            way: statistics.median(_peak_of_process(name, way) for _ in range(rounds))
            for way in ("nothing", "predict", "mc_predict")
        }
        plain, ours = (peaks[w] - peaks["nothing"] for w in ("predict", "mc_predict"))
        lines.append(f"| {name} | {plain:.0f} | {ours:.0f} | {ours / plain:.2f} |")
    return "\n".join(lines)


def _peak_of_process(name: str, way: str) -> float:
    command = [sys.executable, __file__, "--model", name, "--peak", way]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--model", choices=CASES, nargs="+", default=list(CASES))
    parser.add_argument("--quick", action="store_true", help="leave out the slow ways")
    parser.add_argument("--memory", action="store_true", help="measure peak memory")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(peak_memory(options.model[0], options.peak))
        return
    print(f"{platform.processor() or platform.machine()}, Python", end=" ")
    print(f"{platform.python_version()}, {BACKEND}", end=", ")
    print(f"Keras {keras.__version__}, {SAMPLES} samples, {options.rounds} rounds")
    if options.memory:
        print(f"\n10,000 rows\n\n{memory_table(options.rounds)}")
        return
    for name in options.model:
        print(f"\n{name}\n\n{measure(name, options.rounds, options.quick)}", flush=True)


if __name__ == "__main__":
    main()
