"""Takes down the state of a model, and of the random generators, and puts it back."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_extras.keras_internals.data_threads import data_may_draw
from keras_extras.keras_internals.layer_tree import all_layers
from keras_extras.keras_internals.layer_tree import own_non_trainable
from keras_extras.keras_internals.stock import is_stock
from keras_extras.keras_internals.torch_draws import TorchDraws

Values = list[tuple[Any, np.ndarray]]
_GLOBAL_SEED = ("global_random_seed", "global_seed_generator")


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
        self._values = values_of(variables)

    def restore(self) -> None:
        """Gives every variable its value back."""
        give(self._values)


@contextlib.contextmanager
def values_kept(variables: Iterable[Any]) -> Iterator[None]:
    """Gives the variables their values back at the end."""
    values = values_of(variables)
    try:
        yield
    finally:
        give(values)


def layer_states(model: Any) -> list[Any]:
    """Returns what layers keep beside their weights: statistics, states, seeds."""
    seeds = {id(variable): variable for variable in model.variables}
    for variable in model.weights:
        seeds.pop(id(variable), None)
    layers = all_layers(model)
    own = [v for layer in layers for v in own_non_trainable(layer)]
    return [*own, *seeds.values()]


def values_of(variables: Iterable[Any]) -> Values:
    """Returns the variables, each once, with copies of their values."""
    known = {id(variable): variable for variable in variables}
    return [(v, np.array(v)) for v in known.values()]


def give(values: Values) -> None:
    """Gives variables values."""
    for variable, value in values:
        variable.assign(value)


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """Puts the global random generators back where they were, and their seeds."""
    with _draws_of_process_kept(), _seed_of_backend_kept(), _seed_of_keras_kept():
        yield


@contextlib.contextmanager
def random_state_kept_beside(model: Any) -> Iterator[None]:
    """Does the same within a `fit` of `model`, whose data may draw meanwhile.

    Then the generators of the process are theirs. So they are where nothing but Keras'
    own code runs, which does not draw from them.
    """
    are_theirs = is_stock(model) or data_may_draw()
    keep = contextlib.nullcontext if are_theirs else _draws_of_process_kept
    with keep(), _seed_of_backend_kept(), _seed_of_keras_kept():
        yield


@contextlib.contextmanager
def _draws_of_process_kept() -> Iterator[None]:
    """Keeps the generators behind `random` and `numpy.random`."""
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _seed_of_backend_kept() -> contextlib.AbstractContextManager[None]:
    kept = {"tensorflow": _seed_of_tensorflow_kept, "torch": _draws_of_torch_kept}
    return kept.get(keras.backend.backend(), contextlib.nullcontext)()


@contextlib.contextmanager
def _draws_of_torch_kept() -> Iterator[None]:
    """Keeps the generators of torch, from which unseeded layers and loaders draw."""
    draws = TorchDraws()
    try:
        yield
    finally:
        draws.restore()


@contextlib.contextmanager
def _seed_of_tensorflow_kept() -> Iterator[None]:
    """Keeps what TensorFlow draws the seeds of its operations from."""
    from tensorflow.python.eager import context as contexts

    context = contexts.context()
    seed, generator = context._seed, getattr(context, "_rng", None)
    state = None if generator is None else generator.getstate()
    try:
        yield
    finally:
        if getattr(context, "_rng", None) is not generator:  # a seed was set meanwhile
            context._set_global_seed(seed)
        if generator is not None:
            context._rng = generator
            generator.setstate(state)


@contextlib.contextmanager
def _seed_of_keras_kept() -> Iterator[None]:
    """Keeps the generator behind `keras.random`.

    One that was made meanwhile stays where functions may have been compiled with it,
    on TensorFlow, unless it is that of a seed that was set.
    """
    from keras.src.backend.common import global_state

    before = {name: global_state.get_global_attribute(name) for name in _GLOBAL_SEED}
    state = global_seed_state()
    value = None if state is None else np.array(state)
    new_stays = state is None and keras.backend.backend() == "tensorflow"
    try:
        yield
    finally:
        now = {name: global_state.get_global_attribute(name) for name in _GLOBAL_SEED}
        seed_was_set = now["global_random_seed"] != before["global_random_seed"]
        if seed_was_set or not new_stays:
            for name, attribute in before.items():
                global_state.set_global_attribute(name, attribute)
        if state is not None:
            state.assign(value)


def global_seed_state() -> Any | None:
    """Returns the variable of the generator behind `keras.random`, if it was made."""
    from keras.src.backend.common import global_state

    generator = global_state.get_global_attribute("global_seed_generator")
    return getattr(generator, "state", None)
