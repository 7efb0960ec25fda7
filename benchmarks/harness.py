"""Compares trainings step by step: all arms in one process, taking turns.

Each arm is one long `fit` in a thread of its own. Only one thread runs at any
time: it trains a few steps, then hands over, in a new random order each turn.
So every arm meets the same state of the machine, and nothing is started anew
within the measurement. One value is the mean over the turns of one round, about
a hundred steps of each arm: enough to hold its share of what a callback does
only now and then.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import keras


@dataclass
class Arm:
    """One training: how to make its model, and which callbacks it has."""

    name: str
    make_model: Callable[[], Any]
    make_callbacks: Callable[[Any], list[Any]] = lambda model: []
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


class _TakeTurns(keras.callbacks.Callback):
    """Lets its training run only while it is this training's turn."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.may_run = threading.Semaphore(0)
        self.done = threading.Semaphore(0)
        self.stop = False
        self.failure: BaseException | None = None
        self._block = block
        self._steps = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._steps % self._block == 0:
            if self._steps:
                self.done.release()
            self.may_run.acquire()
            if self.stop:
                raise KeyboardInterrupt
        self._steps += 1

    def run_block(self) -> tuple[float, float]:
        wall, processor = time.perf_counter(), time.process_time()
        self.may_run.release()
        self.done.acquire()
        if self.failure is not None:
            raise self.failure
        return time.perf_counter() - wall, time.process_time() - processor


def compare(
    arms: list[Arm],
    data: Any,
    rounds: int,
    turns_per_round: int = 4,
    block: int = 32,
    warm_up: int = 2,
) -> None:
    """Trains all arms in turns and stores the seconds per step of every round.

    Args:
        arms: The trainings; the first one is the baseline.
        data: Dataset that repeats for ever.
        rounds: Number of rounds to count.
        turns_per_round: How often each arm has its turn in a round.
        block: Steps that an arm trains before it hands over.
        warm_up: Rounds before counting: compiling and the dense first samples.
    """
    turns = [_TakeTurns(block) for _ in arms]
    threads = [_start(arm, turn, data) for arm, turn in zip(arms, turns)]
    order = list(range(len(arms)))
    steps = turns_per_round * block
    for number in range(warm_up + rounds):
        wall, processor = [0.0] * len(arms), [0.0] * len(arms)
        for _ in range(turns_per_round):
            random.shuffle(order)
            for index in order:
                seconds = turns[index].run_block()
                wall[index] += seconds[0] / steps
                processor[index] += seconds[1] / steps
        for index, arm in enumerate(arms if number >= warm_up else []):
            arm.wall.append(wall[index])
            arm.processor.append(processor[index])
    for turn, thread in zip(turns, threads):
        turn.stop = True
        turn.may_run.release()
        thread.join()


def _start(arm: Arm, turn: _TakeTurns, data: Any) -> threading.Thread:
    model = arm.make_model()
    callbacks = [turn, *arm.make_callbacks(model)]

    def train() -> None:
        try:
            model.fit(
                data, steps_per_epoch=10**9, epochs=1, verbose=0, callbacks=callbacks
            )
        except BaseException as error:
            turn.failure = error
            turn.done.release()

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    return thread


def table(arms: list[Arm], unit: str = "ms per step") -> str:
    """Returns ratios of medians to the first arm, as rows of a Markdown table."""
    base = arms[0]
    rows = [f"| arm | {unit} | wall | processor |", "|---|---|---|---|"]
    for arm in arms:
        milliseconds = 1000 * statistics.median(arm.wall)
        wall = _excess(arm.wall, base.wall)
        processor = _excess(arm.processor, base.processor)
        rows.append(f"| {arm.name} | {milliseconds:.2f} | {wall} | {processor} |")
    return "\n".join(rows)


def _excess(values: list[float], base: list[float]) -> str:
    """Returns the ratio of medians, and the quartiles of the ratios within rounds."""
    ratio = statistics.median(values) / statistics.median(base) - 1
    within = sorted(v / b - 1 for v, b in zip(values, base))
    quartiles = (within[len(within) * part // 4] for part in (1, 2, 3))
    return f"{ratio:+.1%} ({', '.join(f'{q:+.1%}' for q in quartiles)})"
