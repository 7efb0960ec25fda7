"""One training of a case in a set-up, and what is kept of it."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from identity_matrix.case import BATCH
from identity_matrix.case import EPOCHS
from identity_matrix.case import Case
from identity_matrix.setups import Setup
from identity_matrix.state import state_of

_SEED = 7


@dataclass(frozen=True)
class Training:
    """What a training left behind.

    Attributes:
        state: All arrays, by name.
        tracings: How often the train function was traced, or `None` if unknown.
        warnings: The messages of its warnings.
        seconds: Processor time.
    """

    state: dict[str, np.ndarray]
    tracings: int | None
    warnings: list[str]
    seconds: float


def train(case: Case, setup: Setup, callbacks: list[Any]) -> Training:
    """Trains a new model, everything seeded, with `callbacks`."""
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy(setup.policy)
    keras.utils.set_random_seed(_SEED)
    began = time.process_time()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = case.build()
            case.compile_model(model, setup)
            history = model.fit(**_arguments(case), callbacks=callbacks)
            tracings = tracings_of(model.train_function)
            state = state_of(model, history)
    finally:
        keras.config.set_dtype_policy("float32")
    seconds = time.process_time() - began
    return Training(state, tracings, [str(each.message) for each in said], seconds)


def _arguments(case: Case) -> dict[str, Any]:
    arguments = {"epochs": EPOCHS, "verbose": 0, **case.data()}
    if isinstance(arguments["x"], (np.ndarray, dict, list)):
        arguments.setdefault("batch_size", BATCH)
    return arguments


def tracings_of(train_function: Any) -> int | None:
    """Returns how often the compiled functions below `train_function` were traced.

    Keras hides them in the closure of a plain function.
    """
    counts, waiting, seen = [], [train_function], set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        count = getattr(each, "experimental_get_tracing_count", None)
        if callable(count):
            counts.append(count())
        waiting.append(getattr(each, "python_function", None))
        waiting += [_content(cell) for cell in getattr(each, "__closure__", None) or ()]
    return sum(counts) if counts else None


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled as yet
        return None
