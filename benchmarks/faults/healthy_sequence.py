"""Healthy: recurrent nets, convolutions in time, attention, embeddings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from faults import data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import ready
from faults.case import Setup
from faults.case import healthy

layers = keras.layers
ERROR = ("mae",)


@healthy("waves-simple-rnn", kind="SimpleRNN", optimizer="adam")
@healthy("waves-lstm", kind="LSTM", optimizer="adam")
def recurrent(kind: str, optimizer: str) -> Setup:
    model = chain((24, 1), getattr(layers, kind)(16), layers.Dense(1))
    return ready(model, data.waves(), "mse", optimizer, 12, metrics=ERROR)


@healthy("waves-stacked-lstm")
def stacked() -> Setup:
    model = chain(
        (24, 1),
        layers.LSTM(12, return_sequences=True),
        layers.LSTM(12),
        layers.Dense(4),
    )
    optimizer = keras.optimizers.Adam(5e-3, clipnorm=1.0)
    waves = data.waves(ahead=4)
    return ready(model, waves, "mse", optimizer, 10, metrics=ERROR)


@healthy("waves-dense", note="windows as plain features; four steps ahead")
def windows() -> Setup:
    model = chain((24, 1), layers.Flatten(), layers.Dense(24, "relu"), layers.Dense(4))
    waves = data.waves(ahead=4)
    return ready(model, waves, "mse", "adam", 20, metrics=ERROR)


@healthy("waves-causal-convolutions")
def causal() -> Setup:
    convolutions = [
        layers.Conv1D(12, 2, padding="causal", dilation_rate=rate, activation="relu")
        for rate in (1, 2, 4, 8)
    ]
    last = layers.Lambda(lambda x: x[:, -1], output_shape=(12,))
    model = chain((24, 1), *convolutions, last, layers.Dense(1))
    return ready(model, data.waves(), "mse", "adam", 15, metrics=ERROR)


@healthy("waves-every-step", note="an output at each time step")
def every_step() -> Setup:
    (x, _), (xv, _) = data.waves()
    shifted = (x[:, :-1], x[:, 1:]), (xv[:, :-1], xv[:, 1:])
    model = chain(
        (None, 1),
        layers.GRU(16, return_sequences=True),
        layers.TimeDistributed(layers.Dense(1)),
    )
    return ready(model, shifted, "mse", "adam", 12, metrics=ERROR)


@healthy("signals-conv1d")
def convolutional() -> Setup:
    model = chain(
        (64, 1),
        layers.Conv1D(12, 7, activation="relu"),
        layers.MaxPooling1D(2),
        layers.Conv1D(16, 5, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(3, "softmax"),
    )
    return ready(model, data.signals(), SPARSE, keras.optimizers.Adam(5e-3), 20)


@healthy("words-average", make=lambda: layers.GlobalAveragePooling1D())
@healthy("words-lstm", make=lambda: layers.LSTM(12), epochs=8)
@healthy("words-gru-dropout", make=lambda: layers.GRU(12, dropout=0.3), epochs=10)
@healthy(
    "words-conv1d",
    make=lambda: keras.Sequential(
        [layers.Conv1D(16, 3, activation="relu"), layers.GlobalMaxPooling1D()]
    ),
)
def words(make: Any, epochs: int = 10) -> Setup:
    model = chain((20,), layers.Embedding(100, 12), make(), layers.Dense(1, "sigmoid"))
    optimizer = keras.optimizers.Adam(5e-3)
    return ready(model, data.tokens(), BINARY, optimizer, epochs)


@healthy("words-masked", note="half of each sequence is padding")
def masked() -> Setup:
    def padded(x: Any) -> Any:
        return np.concatenate([x, np.zeros_like(x)], axis=1)

    model = chain(
        (40,),
        layers.Embedding(100, 12, mask_zero=True),
        layers.LSTM(12),
        layers.Dense(1, "sigmoid"),
    )
    optimizer = keras.optimizers.Adam(5e-3)
    tokens = data.with_inputs(data.tokens(), padded)
    return ready(model, tokens, BINARY, optimizer, 6)


def transformer(words: int, outputs: int, blocks: int, every: bool) -> Any:
    """Returns a small encoder, or with `every` a decoder with an output per step."""
    inputs = keras.Input((20,), dtype="int32")
    places = layers.Embedding(20, 24)(ops.arange(20))
    hidden = layers.Embedding(words, 24)(inputs) + places
    for _ in range(blocks):
        normed = layers.LayerNormalization()(hidden)
        attend = layers.MultiHeadAttention(2, 12, dropout=0.1)
        hidden = hidden + attend(normed, normed, use_causal_mask=every)
        normed = layers.LayerNormalization()(hidden)
        branch = layers.Dense(48, "gelu")(normed)
        hidden = hidden + layers.Dense(24)(branch)
    hidden = layers.LayerNormalization()(hidden)
    if not every:
        hidden = layers.GlobalAveragePooling1D()(hidden)
    return keras.Model(inputs, layers.Dense(outputs)(hidden))


@healthy("words-transformer")
def encoder() -> Setup:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.AdamW(2e-3)
    return ready(
        transformer(100, 4, 1, False), data.tokens(classes=4), loss, optimizer, 8
    )


@healthy("walks-transformer", note="next-token prediction; most of it is chance")
def decoder() -> Setup:
    rng = np.random.default_rng(1)
    steps = rng.choice([-1, 1, 2], (600, 21)).cumsum(1) % 30
    pairs = data.split(steps[:, :-1].astype("int32"), steps[:, 1:].astype("int32"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = transformer(30, 30, 1, True)
    return ready(model, pairs, loss, keras.optimizers.Adam(3e-3), 10)


@healthy("words-attention-pooling", note="scores from a dense layer of one unit")
def attention_pooling() -> Setup:
    inputs = keras.Input((20,), dtype="int32")
    embedded = layers.Embedding(100, 16)(inputs)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(embedded))
    pooled = ops.sum(weights * embedded, axis=1)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(pooled))
    optimizer = keras.optimizers.Adam(5e-3)
    return ready(model, data.tokens(), BINARY, optimizer, 10)


@healthy("tastes-embeddings", note="products of two embeddings, as in recommenders")
def tastes() -> Setup:
    rng = np.random.default_rng(2)
    users, items = rng.normal(size=(40, 3)), rng.normal(size=(60, 3))
    pairs = np.stack([rng.integers(0, 40, 2000), rng.integers(0, 60, 2000)], 1)
    y = (users[pairs[:, 0]] * items[pairs[:, 1]]).sum(1) + rng.normal(0, 0.2, 2000)
    inputs = keras.Input((2,), dtype="int32")
    user = layers.Embedding(40, 6)(inputs[:, 0])
    item = layers.Embedding(60, 6)(inputs[:, 1])
    model = keras.Model(inputs, layers.Dot(1)([user, item]))
    ratings = data.split(pairs.astype("int32"), y[:, None].astype("float32"))
    optimizer = keras.optimizers.Adam(0.01)
    return ready(model, ratings, "mse", optimizer, 20, metrics=ERROR)
