"""What the cases after published programs share."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from faults import case
from faults.build import said_of

healthy = functools.partial(case.healthy, part="programs")
faulty = functools.partial(case.faulty, part="programs")
layers = keras.layers
IDLE = "not-learning"
WRONG, RAW, TARGET = "output-loss-mismatch", "unnormalized-input", "unscaled-target"
LABELS, LOW, HIGH = "wrong-labels", "learning-rate-too-low", "learning-rate-too-high"
TIGHT, HIDDEN, NAN = "over-regularized", "hidden-activation", "nan-loss"
DEAD, EXPLODING = "dead-units", "exploding-gradient"
VANISHING, SATURATED = "vanishing-gradient", "saturated-activation"
WILD = (
    "not-learning",
    "oscillating-loss",
    DEAD,
    EXPLODING,
    NAN,
    SATURATED,
    "bad-initialization",
)
ERROR = ("mae",)


def accuracy_score(x: Any, y: Any) -> Any:
    """Returns a score for models that give shares or logits."""

    def score(model: Any, history: Any) -> float:
        said = np.asarray(said_of(model, x))
        if said.shape[-1] == 1 and said.ndim == np.ndim(y) + 1:
            said = said[..., 0]
        said = said > 0.5 if said.ndim == np.ndim(y) else said.argmax(-1)
        return float(np.mean(said == y))

    return score


def explained_score(x: Any, y: Any) -> Any:
    """Returns a score for models that give numbers: the variance explained."""

    def score(model: Any, history: Any) -> float:
        said = np.asarray(said_of(model, x)).reshape(np.shape(y))
        mean = np.mean(y, 0, keepdims=True)
        return float(1 - np.mean((said - y) ** 2) / np.mean((mean - y) ** 2))

    return score


class Places(layers.Layer):
    """Adds a learnt vector for each place."""

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(
            shape=shape[1:], initializer="normal", name="places"
        )

    def call(self, x: Any) -> Any:
        return x + self.table


def encoder_block(x: Any, heads: int = 2, wide: int = 2, causal: bool = False) -> Any:
    """Attention and a small net, layer normalisation after each."""
    size = x.shape[-1]
    attention = layers.MultiHeadAttention(heads, size // heads)
    x = layers.LayerNormalization()(x + attention(x, x, use_causal_mask=causal))
    inner = layers.Dense(size)(layers.Dense(wide * size, "relu")(x))
    return layers.LayerNormalization()(x + inner)


class Trained(keras.Model):
    """A model with a step of its own: `losses_of` gives the loss of a batch."""

    def losses_of(self, data: Any) -> Any:
        raise NotImplementedError

    def train_step(self, data: Any) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self.losses_of(data)
        found = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(found, self.trainable_variables)
        return {"loss": loss}


def mean_square(one: Any, other: Any) -> Any:
    return ops.mean(ops.square(one - other))
