"""Parts of nets that several unseen cases share."""

from __future__ import annotations

from typing import Any

import keras

layers = keras.layers


class Places(layers.Layer):
    """Adds a vector that is learnt for each place of a sequence."""

    def build(self, shape: Any) -> None:
        self.vectors = self.add_weight(
            shape=shape[1:], initializer="uniform", name="vectors"
        )

    def call(self, x: Any) -> Any:
        return x + self.vectors


def block(tokens: Any, heads: int, width: int, activation: str = "gelu") -> Any:
    """Returns attention and a small net, layer norm before each."""
    size = tokens.shape[-1]
    seen = layers.LayerNormalization()(tokens)
    seen = layers.MultiHeadAttention(heads, size // heads)(seen, seen)
    tokens = layers.Add()([tokens, seen])
    wide = layers.Dense(width, activation)(layers.LayerNormalization()(tokens))
    return layers.Add()([tokens, layers.Dense(size)(wide)])
