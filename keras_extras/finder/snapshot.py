"""Takes down the state of a model, and of the random generators, and puts it back."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np


class Snapshot:
    """The values of all variables of a model, its optimizer, metrics and seeds.

    Args:
        model: A model that is built, as is its optimizer.
    """

    def __init__(self, model: Any) -> None:
        variables = [
            *model.variables,
            *model.optimizer.variables,
            *model.metrics_variables,
        ]
        known = {id(variable): variable for variable in variables}
        self._values = [(v, np.array(v)) for v in known.values()]

    def restore(self) -> None:
        """Gives every variable its value back."""
        for variable, value in self._values:
            variable.assign(value)


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """Puts the global random generators back where they were."""
    generator = _tensorflow_generator()
    states = random.getstate(), np.random.get_state()
    own = generator.getstate() if generator is not None else None
    seed = _global_seed_state()
    value = None if seed is None else np.array(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        if generator is not None and generator is _tensorflow_generator():
            generator.setstate(own)
        if seed is not None:
            seed.assign(value)


def _tensorflow_generator() -> Any:
    """Returns what TensorFlow draws the seeds of its operations from."""
    from tensorflow.python.eager import context

    return getattr(context.context(), "_rng", None)


def _global_seed_state() -> Any:
    """Returns the state of the generator behind `keras.random`, if it exists."""
    from keras.src.backend.common import global_state

    generator = global_state.get_global_attribute("global_seed_generator")
    return None if generator is None else generator.state
