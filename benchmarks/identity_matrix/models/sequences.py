"""Recurrent networks, texts and attention."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from identity_matrix import data
from identity_matrix.case import ROWS
from identity_matrix.case import case
from identity_matrix.case import classification


@case(data.sequences)
def lstm() -> Any:
    return keras.Sequential(
        [
            keras.Input((5, 4)),
            layers.LSTM(6, return_sequences=True),
            layers.LSTM(4),
            layers.Dense(1),
        ]
    )


@case(data.texts, classification)
def gru_with_masking() -> Any:
    return keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            layers.Embedding(20, 4, mask_zero=True),
            layers.GRU(6, dropout=0.2, recurrent_dropout=0.2),
            layers.Dense(3),
        ]
    )


@case(data.sequences)
def bidirectional() -> Any:
    return keras.Sequential(
        [
            keras.Input((5, 4)),
            layers.Bidirectional(layers.GRU(4, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(4), merge_mode="sum"),
            layers.Dense(1),
        ]
    )


def _films() -> dict[str, Any]:
    return {"x": data.features(3, 6, 6, 1), "y": data.features(1, seed=1)}


@case(_films, seconds=3)
def convolutional_lstm() -> Any:
    return keras.Sequential(
        [
            keras.Input((3, 6, 6, 1)),
            layers.ConvLSTM2D(3, 3, padding="same"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


@case(data.texts, classification)
def text_convolutions() -> Any:
    inputs = keras.Input((7,), dtype="int32")
    words = layers.SpatialDropout1D(0.2)(layers.Embedding(20, 4)(inputs))
    each = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(4, size, activation="relu")(words))
        for size in (2, 3)
    ]
    return keras.Model(inputs, layers.Dense(3)(layers.Concatenate()(each)))


def _whole_batches() -> dict[str, Any]:
    rows = ROWS // 4 * 4
    x, y = data.features(5, 4)[:rows], data.features(1, seed=1)[:rows]
    return {"x": x, "y": y, "batch_size": 4, "shuffle": False}


@case(_whole_batches)
def stateful_rnn() -> Any:
    return keras.Sequential(
        [
            keras.Input(batch_shape=(4, 5, 4)),
            layers.LSTM(4, stateful=True, return_sequences=True),
            layers.SimpleRNN(4, stateful=True),
            layers.Dense(1),
        ]
    )


@case(data.sequences)
def time_distributed() -> Any:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, activation="relu")])
    return keras.Sequential(
        [
            keras.Input((5, 4)),
            layers.TimeDistributed(inner),
            layers.LSTM(4),
            layers.Dense(1),
        ]
    )


@case(data.texts, classification)
def embedding() -> Any:
    return keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            layers.Embedding(20, 4),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3),
        ]
    )


class Positions(layers.Layer):
    """Adds a learned vector for each place in the sequence."""

    def __init__(self, length: int, size: int) -> None:
        super().__init__()
        self.length, self.places = length, layers.Embedding(length, size)

    def call(self, x: Any) -> Any:
        return x + self.places(keras.ops.arange(self.length))


@case(data.texts, classification, seconds=2)
def transformer() -> Any:
    inputs = keras.Input((7,), dtype="int32")
    x = Positions(7, 8)(layers.Embedding(20, 8)(inputs))
    for _ in range(2):
        h = layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x, use_causal_mask=True)
        x = layers.LayerNormalization()(layers.Add()([x, layers.Dropout(0.1)(h)]))
        h = layers.Dense(8)(layers.Dense(16, activation="gelu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, layers.Dropout(0.1)(h)]))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


def _next_words() -> dict[str, Any]:
    words = data.tokens(8)
    return {"x": words[:, :-1], "y": words[:, 1:]}


@case(_next_words, classification)
def tied_embeddings() -> Any:
    inputs = keras.Input((7,), dtype="int32")
    words = layers.ReversibleEmbedding(20, 6, tie_weights=True)
    h = layers.GRU(6, return_sequences=True)(words(inputs))
    return keras.Model(inputs, words(h, reverse=True))
