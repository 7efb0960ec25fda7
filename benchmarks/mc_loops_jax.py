"""Monte-Carlo dropout as one would write it for one model on JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

ROWS_AT_ONCE = 2048


def state_of(model: Any) -> tuple[Any, Any]:
    trainable = [v.value for v in model.trainable_variables]
    return trainable, [v.value for v in model.non_trainable_variables]


def tiler(model: Any, samples: int) -> Callable[[Any, np.ndarray], Any]:
    """All samples as one prediction of as many rows, a compiled call for each part."""
    call = jax.jit(lambda state, x: model.stateless_call(*state, x, training=True))

    def run(model: Any, x: np.ndarray) -> Any:
        tiled = np.tile(x, (samples, *[1] * (x.ndim - 1)))
        trainable, fixed = state_of(model)
        parts = []
        for first in range(0, len(tiled), ROWS_AT_ONCE):
            part, fixed = call((trainable, fixed), tiled[first : first + ROWS_AT_ONCE])
            parts.append(part)
        found = np.concatenate(parts).reshape(samples, len(x), -1)
        return found.mean(axis=0), found.std(axis=0)

    return run


def entropy_of(probabilities: Any) -> Any:
    return -jnp.sum(probabilities * jnp.log(probabilities + 1e-37), axis=-1)


def statistics_of(found: Any) -> Any:
    """What `mc_predict` returns, from all samples: `(samples, rows, classes)`."""
    mean = found.mean(axis=0)
    bald = entropy_of(mean) - entropy_of(found).mean(axis=0)
    votes = jax.nn.one_hot(found.argmax(axis=-1), found.shape[-1]).mean(axis=0)
    return mean, found.std(axis=0), bald, 1 - votes.max(axis=-1)


def by_hand(
    model: Any, first: int | None, samples: int
) -> Callable[[Any, np.ndarray], Any]:
    """A compiled loop over chunks of samples, which hands on the seeds."""
    prefix = keras.Sequential(model.layers[:first]) if first else None
    suffix = keras.Sequential(model.layers[first:]) if first else model

    @jax.jit
    def sample(states: Any, x: Any) -> Any:
        common = x
        if prefix is not None:
            common, _ = prefix.stateless_call(*states[0], x, training=False)
        rows = common.shape[0]
        chunk = min(max(ROWS_AT_ONCE // rows, 1), samples)
        chunks = -(-samples // chunk)
        tiled = jnp.tile(common, (chunk, *[1] * (common.ndim - 1)))
        trainable, fixed = states[1]

        def step(fixed: Any, _: Any) -> Any:
            found, fixed = suffix.stateless_call(trainable, fixed, tiled, training=True)
            return fixed, found.reshape(chunk, rows, -1)

        _, found = jax.lax.scan(step, fixed, length=chunks)
        return statistics_of(found.reshape(-1, *found.shape[2:])[:samples])

    def run(model: Any, x: np.ndarray) -> Any:
        states = state_of(prefix) if prefix is not None else None, state_of(suffix)
        return [np.asarray(t) for t in sample(states, x)]

    if prefix is not None:
        prefix.build(model.input_shape)
        suffix.build(prefix.output_shape)
    return run
