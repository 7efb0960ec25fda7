"""Monte-Carlo dropout as one would write it for one model on TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

ROWS_AT_ONCE = 2048


def tiler(model: Any, samples: int) -> Callable[[Any, np.ndarray], Any]:
    """All samples as one `predict` of as many rows, as uncertainty-wizard does."""

    @tf.function(reduce_retracing=True)
    def sample(batch: Any) -> Any:
        return model(batch, training=True)

    def run(model: Any, x: np.ndarray) -> Any:
        tiled = np.tile(x, (samples, *[1] * (x.ndim - 1)))
        firsts = range(0, len(tiled), ROWS_AT_ONCE)
        parts = [sample(tiled[first : first + ROWS_AT_ONCE]) for first in firsts]
        found = np.concatenate(parts).reshape(samples, len(x), -1)
        return found.mean(axis=0), found.std(axis=0)

    return run


def entropy_of(probabilities: Any) -> Any:
    return -tf.reduce_sum(probabilities * tf.math.log(probabilities + 1e-37), axis=-1)


def statistics_of(found: Any) -> Any:
    """What `mc_predict` returns, from all samples: `(samples, rows, classes)`."""
    mean, variance = tf.nn.moments(found, 0)
    bald = entropy_of(mean) - tf.reduce_mean(entropy_of(found), axis=0)
    votes = tf.reduce_mean(tf.one_hot(tf.argmax(found, -1), found.shape[-1]), axis=0)
    return mean, tf.sqrt(variance), bald, 1 - tf.reduce_max(votes, axis=-1)


def by_hand(
    model: Any, first: int | None, samples: int
) -> Callable[[Any, np.ndarray], Any]:
    """A compiled loop over chunks of samples."""

    def prefix(x: Any) -> Any:
        for layer in model.layers[:first] if first is not None else []:
            x = layer(x)
        return x

    def suffix(x: Any) -> Any:
        if first is None:
            return model(x, training=True)
        for layer in model.layers[first:]:
            x = layer(x, training=True)
        return x

    @tf.function(reduce_retracing=True, autograph=False)
    def sample(x: Any) -> Any:
        common = prefix(x)
        rows = tf.shape(common)[0]
        chunk = tf.clip_by_value(ROWS_AT_ONCE // rows, 1, samples)
        chunks = tf.cast(tf.math.ceil(samples / chunk), tf.int32)
        collected = tf.TensorArray(tf.float32, chunks, infer_shape=False)

        def step(number: Any, collected: Any) -> Any:
            count = tf.minimum(chunk, samples - number * chunk)
            repeats = tf.stack([count, *[1] * (common.shape.rank - 1)])
            found = suffix(tf.tile(common, repeats))
            return number + 1, collected.write(number, found)

        _, collected = tf.while_loop(
            lambda number, _: number < chunks,
            step,
            (0, collected),
            parallel_iterations=1,
        )
        classes = model.output_shape[-1]
        found = tf.reshape(collected.concat(), (samples, rows, classes))
        return statistics_of(found)

    def run(model: Any, x: np.ndarray) -> Any:
        return [np.asarray(t) for t in sample(tf.constant(x))]

    return run
