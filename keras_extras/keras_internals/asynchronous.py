"""Keeps Keras from waiting for each batch where the steps can run ahead of Python.

Keras looks through the callbacks of a `fit` for one that overrides
`on_train_batch_end`. On JAX only without any it goes on before a step has run.
"""

from __future__ import annotations

from collections.abc import Callable

import keras


def unless_it_waits(name: str, hook: Callable[..., None]) -> Callable[..., None]:
    """Returns a hook, or Keras' own of that name where having one makes it wait."""
    waits = keras.backend.backend() == "jax"
    return getattr(keras.callbacks.Callback, name) if waits else hook
