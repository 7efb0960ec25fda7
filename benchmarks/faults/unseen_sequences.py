"""Unseen and healthy: texts and series."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from faults import case
from faults import data
from faults import unseen_data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import JIT
from faults.case import Setup
from faults.unseen_parts import Places
from faults.unseen_parts import block

healthy = functools.partial(case.healthy, part="unseen")
layers = keras.layers
losses = keras.losses
optimizers = keras.optimizers
callbacks = keras.callbacks
schedules = keras.optimizers.schedules
ERROR = ("mae",)


# Texts


@healthy(
    "headlines-vectorised-pipeline",
    bound_to="tensorflow",
    note="numbered as they pass by; 0.2 is chance",
)
def pipeline() -> Setup:
    import tensorflow as tf

    texts, y = unseen_data.headlines()
    numbers = layers.TextVectorization(output_sequence_length=12)
    numbers.adapt(texts[:750])
    model = chain(
        (12,),
        layers.Embedding(numbers.vocabulary_size(), 16),
        layers.Dropout(0.2),
        layers.GlobalAveragePooling1D(),
        layers.Dropout(0.2),
        layers.Dense(5, "softmax"),
    )
    flow = lambda part: (
        tf.data.Dataset.from_tensor_slices((texts[part], y[part]))
        .batch(32)
        .map(lambda text, label: (numbers(text), label))
    )
    train = flow(slice(750)).cache().shuffle(24, seed=1)
    optimizer = optimizers.Adam(0.01)
    model.compile(optimizer, SPARSE, metrics=["accuracy"], jit_compile=JIT)
    return Setup(model, train, None, flow(slice(750, None)), {"epochs": 12})


def bags(words: int = 55) -> Any:
    """Returns headlines as shares of words that are rarer elsewhere (TF-IDF)."""
    (x, y), (xv, yv) = unseen_data.headline_numbers()
    count = lambda a: np.eye(words)[a].sum(1)[:, 1:]
    weights = np.log(len(x) / (1 + (count(x) > 0).sum(0)))
    turn = lambda a: (count(a) * weights).astype("float32")
    return (turn(x), y), (turn(xv), yv)


@healthy("headlines-weighted-words", note="TF-IDF and one layer, SGD")
def weighted_words() -> Setup:
    model = dense(54, (), 5, "softmax")
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    return ready(model, bags(), SPARSE, optimizer, 12)


@healthy(
    "headlines-frozen-vectors", note="word vectors made elsewhere, kept as they are"
)
def frozen_vectors() -> Setup:
    (x, y), held_out = unseen_data.headline_numbers()
    near = np.zeros((55, 55))
    for row in x:
        near[np.ix_(row[row > 0], row[row > 0])] += 1
    near = np.log1p(near) - np.log1p(near).mean(0)
    left, size, _ = np.linalg.svd(near)
    vectors = left[:, :16] * np.sqrt(size[:16])
    table = layers.Embedding(55, 16, weights=[vectors], trainable=False)
    model = chain(
        (12,),
        table,
        layers.Bidirectional(layers.GRU(12)),
        layers.Dense(5, "softmax"),
    )
    headlines, optimizer = ((x, y), held_out), optimizers.Adam(5e-3)
    return ready(model, headlines, SPARSE, optimizer, 8)


@healthy("headlines-separable-convolutions", note="as in a guide to text")
def separable() -> Setup:
    model = chain(
        (12,),
        layers.Embedding(55, 24),
        layers.Dropout(0.2),
        layers.SeparableConv1D(32, 3, activation="relu"),
        layers.SeparableConv1D(32, 3, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dropout(0.2),
        layers.Dense(5, "softmax"),
    )
    headlines = unseen_data.headline_numbers()
    return ready(model, headlines, SPARSE, optimizers.Adam(3e-3), 10)


@healthy("names-letters-gru", note="letters, padding masked, logits")
def name_letters() -> Setup:
    model = chain(
        (14,),
        layers.Embedding(27, 12, mask_zero=True),
        layers.GRU(24),
        layers.Dense(4),
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(model, unseen_data.names(), loss, optimizers.Adam(5e-3), 7)


@healthy("names-one-hot-convolutions", note="letters as 27 columns of 0 and 1")
def name_columns() -> Setup:
    names = data.with_inputs(
        unseen_data.names(), lambda x: np.eye(27, dtype="float32")[x]
    )
    model = chain(
        (14, 27),
        layers.Conv1D(24, 3, activation="relu"),
        layers.MaxPooling1D(2),
        layers.Conv1D(24, 3, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(4, "softmax"),
    )
    return ready(model, names, SPARSE, optimizers.Adam(3e-3), 10)


@healthy("entities-weighted-words", note="words weigh 1, padding 0; always `none`: 0.8")
def entities() -> Setup:
    model = chain(
        (14,),
        layers.Embedding(80, 16),
        layers.Bidirectional(layers.LSTM(16, return_sequences=True)),
        layers.Dense(3, "softmax"),
    )
    (x, y), (xv, yv) = unseen_data.entities()
    weigh = lambda a: (a > 0).astype("float32")
    held_out = (xv, yv, weigh(xv))
    optimizer = optimizers.Adam(0.01)
    made = ready(
        model,
        ((x, y), held_out),
        SPARSE,
        optimizer,
        8,
        metrics=(),
        compiled={"weighted_metrics": ["accuracy"]},
    )
    made.fit["sample_weight"] = weigh(x)
    return made


@healthy("questions-alike", note="one encoder; both codes, their gap and product")
def questions() -> Setup:
    inputs = {name: keras.Input((6,), name=name) for name in ("one", "two")}
    encoder = chain(
        (6,),
        layers.Embedding(40, 16),
        layers.GlobalAveragePooling1D(),
        layers.Dense(24, "tanh"),
    )
    one, two = encoder(inputs["one"]), encoder(inputs["two"])
    both = layers.Concatenate()([ops.abs(one - two), one * two])
    hidden = layers.Dense(16, "relu")(both)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(hidden))
    pairs, optimizer = unseen_data.questions(), optimizers.Adam(5e-3)
    return ready(model, pairs, BINARY, optimizer, 10)


@healthy("grammar-lstm", note="the next word at each place; 0.6 of them can be known")
def grammar() -> Setup:
    model = chain(
        (16,),
        layers.Embedding(24, 16),
        layers.LSTM(32, return_sequences=True),
        layers.Dense(24),
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(model, unseen_data.grammar(), loss, optimizers.Adam(0.01), 8)


class _Tied(layers.Layer):
    """Scores words by the table that embeds them."""

    def __init__(self, table: Any) -> None:
        super().__init__()
        self.table = table

    def call(self, x: Any) -> Any:
        return ops.matmul(x, ops.transpose(self.table.embeddings))


class _Warm(schedules.LearningRateSchedule):
    """Rises for some steps, then falls with the root of the step."""

    def __init__(self, size: int, warm: int) -> None:
        self.size, self.warm = size, warm

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32") + 1
        rise = step * self.warm**-1.5
        return self.size**-0.5 * ops.minimum(1 / ops.sqrt(step), rise)


@healthy("grammar-causal-transformer", note="tied embeddings, a rate that warms up")
def causal() -> Setup:
    inputs = keras.Input((16,), dtype="int32")
    table = layers.Embedding(24, 32)
    tokens = Places()(table(inputs))
    seen = layers.MultiHeadAttention(4, 8)(tokens, tokens, use_causal_mask=True)
    tokens = layers.LayerNormalization()(tokens + seen)
    wide = layers.Dense(32)(layers.Dense(64, "relu")(tokens))
    tokens = layers.LayerNormalization()(tokens + wide)
    model = keras.Model(inputs, _Tied(table)(tokens))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = optimizers.Adam(_Warm(256, 60), beta_2=0.98)
    return ready(model, unseen_data.grammar(), loss, optimizer, 10)


@healthy("translations-with-attention", note="encoder, decoder, additive attention")
def translations() -> Setup:
    inputs = {
        name: keras.Input((5,), dtype="int32", name=name)
        for name in ("source", "behind")
    }
    states, last = layers.GRU(32, return_sequences=True, return_state=True)(
        layers.Embedding(12, 24)(inputs["source"])
    )
    states = Places()(states)
    said = layers.Embedding(13, 24)(inputs["behind"])
    said = layers.GRU(32, return_sequences=True)(said, initial_state=last)
    seen = layers.AdditiveAttention()([Places()(said), states])
    outputs = layers.Dense(12, "softmax")(layers.Concatenate()([said, seen]))
    model = keras.Model(inputs, outputs)
    sentences, optimizer = unseen_data.translations(), optimizers.Adam(0.01)
    return ready(model, sentences, SPARSE, optimizer, 10)


@healthy("neighbours-skip-grams", note="word vectors by their product; 0.5 is chance")
def skip_grams() -> Setup:
    names = ("word", "other")
    inputs = {name: keras.Input((1,), dtype="int32", name=name) for name in names}
    vectors = [layers.Embedding(60, 12)(inputs[name]) for name in names]
    match = layers.Flatten()(layers.Dot(2)(vectors))
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(match))
    pairs, optimizer = unseen_data.neighbours(), optimizers.Adam(0.01)
    return ready(model, pairs, BINARY, optimizer, 8, 64)


@healthy("grammar-masked-words", note="a fifth hidden; only those count")
def masked() -> Setup:
    (x, _), (xv, _) = unseen_data.grammar(900)
    rng = np.random.default_rng(4)

    def hide(x: Any) -> Any:
        hidden = rng.random(x.shape) < 0.2
        return np.where(hidden, 24, x).astype("int32"), x, hidden.astype("float32")

    (x, y, weights), held_out = hide(x), hide(xv)
    inputs = keras.Input((16,), dtype="int32")
    tokens = layers.Embedding(25, 24)(inputs)
    tokens = layers.Bidirectional(layers.LSTM(24, return_sequences=True))(tokens)
    model = keras.Model(inputs, layers.Dense(24, "softmax")(tokens))
    texts, optimizer = ((x, y), held_out), optimizers.Adam(0.01)
    only = {"weighted_metrics": ["accuracy"]}
    made = ready(model, texts, SPARSE, optimizer, 8, metrics=(), compiled=only)
    made.fit["sample_weight"] = weights
    return made


@healthy("comments-four-kinds", note="many labels, each rare; batch norm on the words")
def comments() -> Setup:
    model = chain(
        (90,),
        layers.BatchNormalization(),
        layers.Dense(48, "relu"),
        layers.Dropout(0.5),
        layers.Dense(4, "sigmoid"),
    )
    metrics = (keras.metrics.AUC(multi_label=True, name="auc"), "binary_accuracy")
    texts, optimizer = unseen_data.comments(), optimizers.ScheduleFreeAdamW(5e-3)
    return ready(model, texts, BINARY, optimizer, 8, metrics=metrics)


@healthy("comments-focal-many", note="a focal loss for the same")
def focal() -> Setup:
    loss = losses.BinaryFocalCrossentropy(gamma=2.0)
    metrics = (keras.metrics.AUC(multi_label=True, name="auc"),)
    model, optimizer = dense(90, (32,), 4, "sigmoid"), optimizers.Adam(3e-3)
    return ready(model, unseen_data.comments(), loss, optimizer, 7, metrics=metrics)


# Series


@healthy("passengers-lstm-batches-of-1", note="four units, 99 windows, a row at a time")
def passengers() -> Setup:
    model = chain((12, 1), layers.LSTM(4), layers.Dense(1))
    months = unseen_data.passengers()
    return ready(model, months, "mse", optimizers.Adam(4e-3), 12, 1, ERROR)


@healthy("load-twelve-ahead-convolutions", note="all twelve hours at once")
def load_convolutions() -> Setup:
    model = chain(
        (48, 3),
        layers.Conv1D(24, 5, 2, activation="relu"),
        layers.Conv1D(24, 5, 2, activation="relu"),
        layers.Flatten(),
        layers.Dense(12),
    )
    optimizer = optimizers.Adam(2e-3)
    return ready(model, unseen_data.load(), "mae", optimizer, 15, metrics=("mse",))


@healthy("load-encoder-decoder", note="a GRU reads, another writes twelve hours")
def load_decoder() -> Setup:
    model = chain(
        (48, 3),
        layers.AveragePooling1D(2),
        layers.GRU(24),
        layers.RepeatVector(12),
        layers.GRU(24, return_sequences=True),
        layers.TimeDistributed(layers.Dense(1)),
        layers.Reshape((12,)),
    )
    optimizer = optimizers.Adam(0.01, clipvalue=0.5)
    return ready(model, unseen_data.load(), "mse", optimizer, 6, metrics=ERROR)


@healthy("load-gated-dilations", note="causal, tanh times sigmoid, skips that add up")
def load_dilations() -> Setup:
    inputs = keras.Input((48, 3))
    hidden, skips = layers.Conv1D(12, 1)(inputs), []
    for rate in (1, 2, 4, 8):
        arguments = {"padding": "causal", "dilation_rate": rate}
        value = layers.Conv1D(12, 2, activation="tanh", **arguments)(hidden)
        gate = layers.Conv1D(12, 2, activation="sigmoid", **arguments)(hidden)
        inner = layers.Conv1D(12, 1)(value * gate)
        skips.append(inner)
        hidden = hidden + inner
    last = layers.ReLU()(layers.Add()(skips))[:, -1]
    model = keras.Model(inputs, layers.Dense(12)(last))
    optimizer = optimizers.Adam(0.01)
    return ready(model, unseen_data.load(), "mse", optimizer, 8, metrics=ERROR)


@healthy("load-backward-and-forward-blocks", note="each block takes its part away")
def load_blocks() -> Setup:
    inputs = keras.Input((48, 3))
    left, total = layers.Flatten()(inputs), 0.0
    for _ in range(3):
        hidden = layers.Dense(48, "relu")(layers.Dense(48, "relu")(left))
        left = left - layers.Dense(144)(hidden)
        total = total + layers.Dense(12)(hidden)
    model = keras.Model(inputs, total)
    rate = schedules.PiecewiseConstantDecay([120, 200], [2e-3, 1e-3, 2e-4])
    optimizer = optimizers.Adam(rate)
    return ready(model, unseen_data.load(), "mse", optimizer, 15, metrics=ERROR)


@healthy("load-three-quantiles", note="a pinball loss over 12 by 3 outputs; 0.18")
def load_quantiles() -> Setup:
    shares = np.array([0.1, 0.5, 0.9], "float32")

    def pinball(target: Any, forecast: Any) -> Any:
        error = ops.expand_dims(target, -1) - forecast
        return ops.mean(ops.maximum(shares * error, (shares - 1) * error), (1, 2))

    model = chain(
        (48, 3),
        layers.Flatten(),
        layers.LayerNormalization(),
        layers.Dense(48, "relu"),
        layers.Dense(36),
        layers.Reshape((12, 3)),
    )
    optimizer = optimizers.Adam(2e-3)
    return ready(model, unseen_data.load(), pinball, optimizer, 15, metrics=())


@healthy("load-later-year-differs", note="held out: the weather counts a little more")
def load_shifted() -> Setup:
    (x, y), (xv, yv) = unseen_data.load()
    held_out = xv * np.array([1.1, 1.3, 1], "float32"), yv * 1.1 + 0.1
    model = chain((48, 3), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(12))
    hours = (x, y), held_out
    return ready(model, hours, "mse", "adam", 15, metrics=ERROR)


@healthy("returns-up-or-down", note="0.6 of the signs can be known")
def direction() -> Setup:
    days = data.with_targets(unseen_data.returns(3000), lambda y: (y > 0) * 1.0)
    model = dense(10, (8,), 1, "sigmoid", "tanh")
    return ready(model, days, BINARY, optimizers.Adam(2e-3), 6, 64)


@healthy("engines-normed-convolutions", note="three blocks, plateau, early stopping")
def engines() -> Setup:
    blocks = [
        layer
        for _ in range(3)
        for layer in (
            layers.Conv1D(16, 5, 2, padding="same"),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        )
    ]
    model = chain(
        (96, 1), *blocks, layers.GlobalMaxPooling1D(), layers.Dense(2, "softmax")
    )
    extras = [
        callbacks.ReduceLROnPlateau(factor=0.5, patience=3),
        callbacks.EarlyStopping(patience=6, restore_best_weights=True),
    ]
    noises, optimizer = unseen_data.engines(), optimizers.Adam(3e-3)
    return ready(model, noises, SPARSE, optimizer, 20, callbacks=extras)


@healthy("engines-transformer", note="patches of eight, a block, both ends by logits")
def engine_patches() -> Setup:
    inputs = keras.Input((96, 1))
    tokens = Places()(layers.Conv1D(24, 8, 4, activation="relu")(inputs))
    tokens = block(tokens, 2, 48, "relu")
    pooled = layers.GlobalMaxPooling1D()(layers.LayerNormalization()(tokens))
    model = keras.Model(inputs, layers.Dense(1)(pooled))
    loss = losses.BinaryCrossentropy(from_logits=True)
    metrics = (keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy"),)
    optimizer = optimizers.Adam(3e-3)
    return ready(model, unseen_data.engines(), loss, optimizer, 10, metrics=metrics)


@healthy("keywords-spectrogram-convolutions", note="decibels, normalised in the model")
def keywords() -> Setup:
    words = unseen_data.keywords()
    scale = layers.Normalization(axis=None)
    scale.adapt(words[0][0])
    model = chain(
        (20, 16, 1),
        scale,
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(24, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(6, "softmax"),
    )
    return ready(model, words, SPARSE, optimizers.Adam(3e-3), 12)


@healthy("keywords-frames-gru", note="layer norm for each frame, a GRU each way")
def keyword_frames() -> Setup:
    model = chain(
        (20, 16, 1),
        layers.Reshape((20, 16)),
        layers.LayerNormalization(),
        layers.Bidirectional(layers.GRU(16)),
        layers.LayerNormalization(),
        layers.Dense(6, "softmax"),
    )
    return ready(model, unseen_data.keywords(), SPARSE, optimizers.Adam(0.01), 8)


@healthy("adding-marked-numbers", note="always 1: an error of 0.17")
def adding() -> Setup:
    model = chain((16, 2), layers.GRU(24), layers.Dense(1))
    optimizer = optimizers.Adam(0.01)
    return ready(model, unseen_data.adding(), "mse", optimizer, 10, metrics=ERROR)


@healthy("wards-masked-stays", note="stays of unequal length; -1 is masked")
def wards() -> Setup:
    model = chain(
        (18, 3),
        layers.Masking(-1.0),
        layers.LSTM(12, dropout=0.2),
        layers.Dense(1, "sigmoid"),
    )
    return ready(model, unseen_data.wards(), BINARY, optimizers.Adam(5e-3), 8)


@healthy("engines-lstm-autoencoder", note="16 numbers for 24 values, and back")
def rebuilt() -> Setup:
    (x, _), (xv, _) = unseen_data.engines()
    cut = lambda a: a[:, 24:48].reshape(-1, 24, 1)
    x, xv = cut(x), cut(xv)
    model = chain(
        (24, 1),
        layers.LSTM(32),
        layers.Dense(16),
        layers.RepeatVector(24),
        layers.LSTM(32, return_sequences=True),
        layers.TimeDistributed(layers.Dense(1)),
    )
    series = (x, x), (xv, xv)
    optimizer = optimizers.Adam(0.01)
    return ready(model, series, "mse", optimizer, 15, metrics=ERROR)
