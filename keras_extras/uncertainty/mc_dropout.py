from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keras_extras.keras_internals.overrides import Overrides
from keras_extras.uncertainty import checks
from keras_extras.uncertainty.stochastic import LayerChoice
from keras_extras.uncertainty.stochastic import seed_generators
from keras_extras.uncertainty.stochastic import stochastic_layers
from keras_extras.uncertainty.stochastic import switched_on

_COMPILED = ("predict_function", "test_function")


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
    what the context is used for may: it does not undo a `fit`.

    Each `predict` compiles anew within the context, and again after it. For
    statistics over many samples `mc_predict` is many times faster.

    Args:
        model: Keras model.
        layers: Which layers to switch on: a list of layers, names or layer classes,
            or `None` for all stochastic regularisation of Keras. Defaults to `None`.
        seed: Integer >= 0 to start the generators from, or `None` to go on from
            where they are. Defaults to `None`.

    Yields:
        The model.

    Raises:
        ValueError: If the model has nothing to switch on.

    Example:

    ```python
    with keras_extras.uncertainty.mc_dropout(model, seed=0):
        samples = np.stack([model(x_test) for _ in range(20)])
    ```
    """
    checks.check_whole("seed", seed, least=0)
    chosen = stochastic_layers(model, layers)
    checks.check_something_random(model, chosen)
    generators = seed_generators(model)
    states = [generator.state.numpy().copy() for generator in generators]
    compiled = Overrides()
    try:
        if seed is not None:
            for number, generator in enumerate(generators):
                generator.state.assign([seed + number, 0])
        for name in _COMPILED:
            compiled.set(model, name, None)
        with switched_on(model, chosen):
            yield model
    finally:
        compiled.restore()
        for generator, state in zip(generators, states):
            generator.state.assign(state)
