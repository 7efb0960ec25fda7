from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_extras.checks import check_seed
from keras_extras.keras_internals.compiled_apart import compiled_apart
from keras_extras.keras_internals.compiled_apart import starts_threads
from keras_extras.keras_internals.global_generator import global_generator_is
from keras_extras.uncertainty import checks
from keras_extras.uncertainty.load_sampler import load_sampler
from keras_extras.uncertainty.stochastic import LayerChoice
from keras_extras.uncertainty.stochastic import draws_without_seed
from keras_extras.uncertainty.stochastic import seed_generators
from keras_extras.uncertainty.stochastic import stochastic_layers
from keras_extras.uncertainty.stochastic import switched_on


@contextmanager
def mc_dropout(
    model: Any, layers: LayerChoice = None, seed: int | None = None
) -> Iterator[Any]:
    """Makes every call of a model a sample, for as long as the context lasts.

    Use it for what `mc_predict` does not do: a loop of your own, one sampled
    function to plot, a model that is called by other code. Only dropout and noise
    are switched on, as in `mc_predict`. `model(x)`, `predict` and `evaluate` sample;
    a `tf.function` that was traced before does not notice. Afterwards the model is
    as before, its seed generators included; batch normalisation does not move, but
    what the context is used for may: it does not undo a `fit`. Other threads do not
    sample: they may call the model, and except on JAX predict with it or train it
    meanwhile. (There Keras' `predict` and `fit` take the values out of the variables
    for as long as they run.)

    With torch, dropout without a seed draws from torch's own generators, which all
    threads share: within the context it draws from others, so that `seed` counts
    whatever else is going on. With JAX, `model(x)` computes one operation after the
    other: `predict` is many times faster.

    The first `predict` compiles anew within each context. For statistics over many
    samples `mc_predict` is many times faster.

    Args:
        model: Keras model.
        layers: Which layers to switch on: a list of layers, names or layer classes,
            or `None` for all stochastic regularisation of Keras. Defaults to `None`.
        seed: Integer >= 0 to start the generators from, or `None` to go on from
            where they are. Defaults to `None`.

    Yields:
        The model.

    Raises:
        ValueError: If an argument has no valid value, or the model is not built or has
            nothing to switch on.

    Example:

    ```python
    with keras_extras.uncertainty.mc_dropout(model, seed=0):
        samples = np.stack([model.predict(x_test, verbose=0) for _ in range(20)])
    ```
    """
    seed = None if seed is None else check_seed("seed", seed)
    checks.check_model(model)
    chosen = stochastic_layers(model, layers)
    checks.check_something_random(model, chosen)
    with (
        _seeds_kept(model, seed),
        global_generator_is(_own_generator(model, seed)),
        load_sampler().generators_kept(seed),
        compiled_apart(model, "predict_function", "test_function"),
        switched_on(model, chosen, in_all_threads=starts_threads(model)),
    ):
        yield model


def _own_generator(model: Any, seed: int | None) -> Any | None:
    """Returns what layers without a generator draw from, if a seed is to decide it."""
    if seed is None or not draws_without_seed(model):
        return None
    return keras.random.SeedGenerator(seed % (2**31 - 1), name="seed_generator")


@contextmanager
def _seeds_kept(model: Any, seed: int | None) -> Iterator[None]:
    """Puts the seed generators of a model back, and starts them from a seed."""
    generators = seed_generators(model)
    states = [_State(generator) for generator in generators]
    with _lock:
        first = _before.setdefault(model, states)
        _users[model] = _users.get(model, 0) + 1
    try:
        if seed is not None:
            for number, generator in enumerate(generators):
                generator.state.assign(_start(seed + number, generator))
        yield
    finally:
        for state in states:
            state.restore()
        with _lock:
            _users[model] -= 1
            if not _users[model]:
                # What a context found, that of another thread may have left there.
                for state in first:
                    state.restore()
                del _before[model], _users[model]


class _State:
    """The state of a seed generator, to put back."""

    def __init__(self, generator: Any) -> None:
        self._variable = generator.state
        self._value = keras.ops.convert_to_numpy(generator.state).copy()

    def restore(self) -> None:
        self._variable.assign(self._value)


_lock = threading.RLock()
_before: dict[Any, list[_State]] = {}
_users: dict[Any, int] = {}


def _start(seed: int, generator: Any) -> list[int]:
    """Returns the state that a generator has with a seed, within its type."""
    is_long = keras.backend.standardize_dtype(generator.state.dtype) == "int64"
    return [seed if is_long else seed % (2**31 - 1), 0]
