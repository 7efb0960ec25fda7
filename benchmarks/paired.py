"""Compares whole trainings, which take turns, each in a process of its own.

Each arm is one `fit` from its start to its end. Only one trains at any time: a few
steps, then it hands over, in a new random order each turn, so every arm meets the same
state of the machine. Nothing is left out: what a callback does at the end of an epoch
or on another thread is processor time of its process, whoever's turn it is. The backend
has one thread to compute with, since threads that wait for each other spin: processor
time that is not work, and differs from run to run.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import keras
from trainings import Training

FIRST_STEPS = 16
BLOCK = 32
_EPOCHS = 8
_FORK = multiprocessing.get_context("fork")

Clock = Callable[[], float]


@dataclass
class Arm:
    """One training, and what is measured of it.

    Attributes:
        name: What the table calls it.
        make_callbacks: Makes the callbacks; takes a directory for logs.
        start: Processor seconds up to the end of the first steps.
        turns: Processor seconds of each turn after them, and of all that `fit` does
            after the last one.
        recorded: Steps recorded, or 0.
    """

    name: str
    make_callbacks: Callable[[str], list[Any]] = lambda logs: []
    start: float = 0.0
    turns: list[float] = field(default_factory=list)
    recorded: int = 0

    def per_step(self, steps: int) -> float:
        """Returns seconds of a step after the first ones."""
        return sum(self.turns) / (steps - FIRST_STEPS)

    def excess(self, base: Arm) -> float:
        """Returns the share beyond `base`, after the first steps."""
        return sum(self.turns) / sum(base.turns) - 1

    def error(self, base: Arm) -> float:
        """Returns two standard errors of `excess`, from the scatter of the turns."""
        gaps = [ours - theirs for ours, theirs in zip(self.turns, base.turns)]
        deviation = statistics.stdev(gaps) if len(gaps) > 1 else math.nan
        return 2 * math.sqrt(len(gaps)) * deviation / sum(base.turns)

    def excess_with_start(self, base: Arm) -> float:
        """Returns the share beyond `base` of the whole training."""
        ours, theirs = self.start + sum(self.turns), base.start + sum(base.turns)
        return ours / theirs - 1


class _TakeTurns(keras.callbacks.Callback):
    """Hands over at each boundary, and tells the processor time so far."""

    def __init__(self, pipe: Any, clock: Clock) -> None:
        super().__init__()
        self.pipe = pipe
        self.clock = clock
        self.steps = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        beyond = self.steps - FIRST_STEPS
        if beyond >= 0 and beyond % BLOCK == 0:
            self.hand_over()
        self.steps += 1

    def hand_over(self) -> None:
        self.pipe.send(self.clock())
        self.pipe.recv()


def compare(
    arms: list[Arm],
    training: Training,
    steps: int,
    logs: str = "",
    clock: Clock = time.process_time,
) -> None:
    """Trains all arms for `steps` steps in turns, and stores their seconds.

    Args:
        arms: The trainings; the first one is the baseline.
        training: What they train.
        steps: How many steps each of them trains.
        logs: Directory for what callbacks write.
        clock: What to read in each process, in seconds.
    """
    pipes = []
    for arm in arms:
        ours, theirs = _FORK.Pipe()
        arguments = (theirs, training, arm.make_callbacks, steps, logs, clock)
        _FORK.Process(target=_train, args=arguments, daemon=True).start()
        theirs.close()
        pipes.append(ours)
    before = [pipe.recv() for pipe in pipes]
    count = 1 + math.ceil((steps - FIRST_STEPS) / BLOCK)
    order = list(range(len(arms)))
    for turn in range(count):
        random.shuffle(order)
        for index in order:
            pipes[index].send("your turn")
            now = pipes[index].recv()
            _note(arms[index], turn, now - before[index])
            before[index] = now
    for arm, pipe in zip(arms, pipes):
        arm.recorded = pipe.recv()


def _note(arm: Arm, turn: int, seconds: float) -> None:
    if turn == 0:
        arm.start = seconds
    else:
        arm.turns.append(seconds)


def _train(
    pipe: Any,
    training: Training,
    make_callbacks: Callable[[str], list[Any]],
    steps: int,
    logs: str,
    clock: Clock,
) -> None:
    """Trains once, from the first step to what follows the last, in turns."""
    warnings.simplefilter("ignore")  # they would stand among the figures
    _compute_with_one_thread()
    keras.utils.set_random_seed(1)
    model, data = training.make_model(), training.data()
    callbacks, turns = make_callbacks(logs), _TakeTurns(pipe, clock)
    turns.hand_over()
    model.fit(
        data,
        steps_per_epoch=steps // _EPOCHS,
        epochs=_EPOCHS,
        verbose=0,
        callbacks=[turns, *callbacks],
    )
    pipe.send(clock())
    pipe.send(sum(len(getattr(each, "history", ())) for each in callbacks))


def _compute_with_one_thread() -> None:
    """Has the backend compute with one thread; before it computes anything."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    elif keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(1)
    else:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false"
