"""Compares `mc_predict` with many calls of a model in the training mode of its dropout.

For each of many models: the mean and the spread of 2,000 calls with `training=True`,
in which everything else that training changes is frozen, against those of `mc_predict`;
whether any variable has moved; whether a seed gives the same numbers, also in two
threads at once. Run `python benchmarks/mc_matrix.py`, or name models.
"""

from __future__ import annotations

import argparse
import threading

import keras
import numpy as np
from keras import layers

from keras_extras.uncertainty import mc_predict

CALLS, SAMPLES, ROWS = 2000, 1000, 4
LIMIT = 4.0  # standard errors


@keras.saving.register_keras_serializable("mc_matrix")
class Cell(layers.Layer):
    """A recurrent cell of one's own with dropout inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.state_size = 4
        self.dense, self.drop = layers.Dense(4, "tanh"), layers.Dropout(0.3)

    def build(self, shape):
        self.dense.build((None, shape[-1] + 4))
        super().build(shape)

    def call(self, x, states, training=False):
        joined = keras.ops.concatenate([x, states[0]], axis=-1)
        output = self.drop(self.dense(joined), training=training)
        return output, [output]


class Noisy(layers.Layer):
    def __init__(self, seeded=True):
        super().__init__()
        self.generator = keras.random.SeedGenerator(0) if seeded else None

    def call(self, x, training=False):
        if not training:
            return x
        return x + 0.3 * keras.random.normal(keras.ops.shape(x), seed=self.generator)


class LessTheMean(layers.Layer):
    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = layers.Dense(8, "relu"), layers.Dense(2)
        self.normalise, self.drop = layers.BatchNormalization(), layers.Dropout(0.4)

    def call(self, x, training=False):
        x = self.normalise(self.first(x), training=training)
        return self.last(self.drop(x, training=training))


def sequential(*stack, shape):
    return keras.Sequential([keras.Input(shape), *stack])


def recurrent(layer):
    return sequential(layer, layers.Dense(2), shape=(5, 3))


def application(build, **arguments):
    base = build(weights=None, input_shape=(32, 32, 3), classes=3, **arguments)
    return base


def head(base):
    inputs = keras.Input((32, 32, 3))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(base(inputs)))
    return keras.Model(inputs, layers.Dense(2)(x))


def transformer(attention):
    inputs = keras.Input((6, 8))
    x = layers.LayerNormalization()(inputs + attention(inputs, inputs))
    x = layers.Dropout(0.1)(layers.Dense(8, "gelu")(x))
    return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


def dicts():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    x = layers.Dropout(0.3)(layers.Concatenate()([a, b]))
    heads = {"one": layers.Dense(2)(x), "two": layers.Dense(3, "softmax")(x)}
    return keras.Model({"a": a, "b": b}, heads)


def shared_dropout():
    a, b = keras.Input((4,)), keras.Input((4,))
    drop = layers.Dropout(0.4)
    return keras.Model([a, b], layers.Dense(2)(layers.Add()([drop(a), drop(b)])))


def augmented():
    inputs = keras.Input((8, 8, 3))
    x = layers.RandomFlip("horizontal")(inputs, training=False)
    x = layers.Dropout(0.3)(layers.Flatten()(layers.Conv2D(4, 3)(x)))
    return keras.Model(inputs, layers.Dense(2)(x))


def lengths():
    inputs = keras.Input((7,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(inputs)
    x = layers.LSTM(4, recurrent_dropout=0.3)(layers.SpatialDropout1D(0.3)(x))
    return keras.Model(inputs, layers.Dense(2)(x))


def subclassed():
    model = Subclassed()
    model(np.zeros((2, 6), "float32"))
    return model


def stateful():
    inputs = keras.Input(batch_shape=(ROWS, 5, 3))
    return keras.Model(inputs, layers.GRU(4, stateful=True, dropout=0.3)(inputs))


dense = lambda *more: sequential(layers.Dense(8, "relu"), *more, shape=(6,))
MODELS = {
    "dropout": lambda: dense(layers.Dropout(0.4), layers.Dense(2)),
    "alpha dropout": lambda: dense(layers.AlphaDropout(0.2), layers.Dense(2)),
    "gaussian": lambda: dense(
        layers.GaussianDropout(0.2), layers.GaussianNoise(0.1), layers.Dense(2)
    ),
    "normalised": lambda: dense(
        layers.Dropout(0.4), layers.BatchNormalization(), layers.Dense(2)
    ),
    "own noise": lambda: dense(Noisy(), layers.Dense(2)),
    "noise without a seed": lambda: dense(Noisy(seeded=False), layers.Dense(2)),
    "rows that depend": lambda: dense(layers.Dropout(0.3), LessTheMean()),
    "subclassed": subclassed,
    "dicts": dicts,
    "shared dropout": shared_dropout,
    "augmentation": augmented,
    "masks": lengths,
    "stateful": stateful,
    "simple rnn": lambda: recurrent(layers.SimpleRNN(4, dropout=0.3)),
    "lstm": lambda: recurrent(layers.LSTM(4, dropout=0.2, recurrent_dropout=0.2)),
    "gru": lambda: recurrent(layers.GRU(4, dropout=0.2)),
    "cells": lambda: recurrent(
        layers.RNN([layers.LSTMCell(4, dropout=0.3), layers.GRUCell(3)])
    ),
    "own cell": lambda: recurrent(layers.RNN(Cell())),
    "own cell, unrolled": lambda: recurrent(layers.RNN(Cell(), unroll=True)),
    "own cell, both ways": lambda: recurrent(layers.Bidirectional(layers.RNN(Cell()))),
    "convlstm": lambda: sequential(
        layers.ConvLSTM1D(2, 2, dropout=0.3), layers.Flatten(), shape=(3, 5, 2)
    ),
    "time distributed": lambda: sequential(
        layers.TimeDistributed(layers.Dropout(0.3)), layers.LSTM(3), shape=(4, 3)
    ),
    "spatial": lambda: sequential(
        layers.Conv2D(4, 3),
        layers.SpatialDropout2D(0.3),
        layers.Flatten(),
        layers.Dense(2),
        shape=(6, 6, 2),
    ),
    "attention": lambda: transformer(layers.MultiHeadAttention(2, 4, dropout=0.2)),
    "grouped attention": lambda: transformer(
        layers.GroupQueryAttention(4, 2, 1, dropout=0.2)
    ),
    "mobilenet": lambda: head(
        keras.applications.MobileNetV2(
            weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
        )
    ),
    "efficientnet": lambda: application(keras.applications.EfficientNetB0),
    "vgg": lambda: head(
        keras.applications.VGG16(
            weights=None, include_top=False, input_shape=(32, 32, 3)
        )
    ),
}
OWN = {"own noise": [Noisy], "noise without a seed": [Noisy]}
FEWER = {"mobilenet": 200, "efficientnet": 200, "vgg": 200}


def data_for(model, name):
    draw = np.random.default_rng(1)
    given = keras.KerasTensor((None, 6))
    if name != "subclassed":
        alone = isinstance(model, keras.Sequential)
        given = model.inputs[0] if alone else model.input

    def array(tensor):
        shape = (ROWS, *tensor.shape[1:])
        if "int" in keras.backend.standardize_dtype(tensor.dtype):
            return draw.integers(0, 10, shape)
        return draw.normal(size=shape).astype("float32")

    return keras.tree.map_structure(array, given)


def state_of(model):
    held = [s for x in model.layers for s in getattr(x, "states", None) or []]
    return [np.array(v) for v in [*model.variables, *held]]


def called(model, x, calls):
    """Mean, deviation and mean fourth power of many calls in training mode."""
    for layer in model._flatten_layers():
        if isinstance(layer, layers.RandomFlip):
            # `training=True` reaches it, though it is called with `training=False`.
            layer.call = lambda x, training=None: x
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    compiled = _compiled(lambda x: model(x, training=True))
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    stateful = any(getattr(layer, "stateful", False) for layer in model.layers)
    seen = []
    for _ in range(calls):
        if stateful:
            for layer in model.layers:
                if hasattr(layer, "reset_states"):
                    layer.reset_states()
        outputs = keras.tree.flatten(compiled(x))
        seen.append([keras.ops.convert_to_numpy(t) for t in outputs])
    return [np.stack(each).astype(float) for each in zip(*seen)]


def _compiled(function):
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function)


def compare(name):
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    x, named = data_for(model, name), OWN.get(name)
    calls = FEWER.get(name, CALLS)
    samples = min(calls, SAMPLES)
    run = lambda seed: mc_predict(
        model, x, samples, seed=seed, layers=named, return_samples=True, verbose=0
    )
    before = state_of(model)
    found, results = run(1), {}
    threads = [
        threading.Thread(target=lambda k=k: results.update({k: run(1)})) for k in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    still = all(np.array_equal(a, b) for a, b in zip(before, state_of(model)))
    same = all(
        np.array_equal(a.mean, b.mean)
        for result in results.values()
        for a, b in zip(keras.tree.flatten(found), keras.tree.flatten(result))
    )
    worst_mean = worst_spread = 0.0
    for ours, theirs in zip(keras.tree.flatten(found), called(model, x, calls)):
        one = ours.samples_array.astype(float)
        rounding = 1e-7 * np.abs(theirs).max()
        parts = [(part.mean(0), part.var(0), len(part)) for part in (one, theirs)]
        error = np.sqrt(sum(v / n for _, v, n in parts)) + rounding
        worst_mean = max(worst_mean, np.abs((parts[0][0] - parts[1][0]) / error).max())
        fourth = [((p - p.mean(0)) ** 4).mean(0) for p in (one, theirs)]
        error = np.sqrt(
            sum((f - v**2) / n for f, (_, v, n) in zip(fourth, parts)).clip(0)
        )
        apart = np.abs(parts[0][1] - parts[1][1]) / (error + rounding**2)
        worst_spread = max(worst_spread, apart.max())
    return worst_mean, worst_spread, still, same and len(results) == 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="names; all of them by default")
    names = parser.parse_args().models or MODELS
    print(
        "model, mean and spread off by standard errors, state kept, seeds and threads"
    )
    for name in names:
        try:
            mean, spread, still, same = compare(name)
            good = mean < LIMIT and spread < LIMIT and still and same
            verdict = "" if good else "  <-"
            print(
                f"{name:22} {mean:5.2f} {spread:5.2f} {still!s:5} {same!s:5}{verdict}"
            )
        except Exception as error:
            print(f"{name:22} {type(error).__name__}: {str(error)[:200]}  <-")


if __name__ == "__main__":
    main()
