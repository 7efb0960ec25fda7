"""Tiny models with randomness of every kind, and what one sample of them may be."""

import keras
import numpy as np
from keras import layers
from keras import ops

RATE = 0.5
BACKEND = keras.backend.backend()


def rows(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def called(model, x, **arguments):
    """What a call of a model returns, as an array."""
    return keras.ops.convert_to_numpy(model(x, **arguments))


def sequential(*stack, shape):
    return keras.Sequential([keras.Input(shape), *stack])


def scaled(model, x):
    """The only two outputs of a model whose whole input is dropped or doubled."""
    return model.predict(x * 0, verbose=0), model.predict(x * 2, verbose=0)


def attention(kind):
    """Attends to its input and to a zero, which adds nothing, dropped or not."""
    inputs = keras.Input((1, 1))
    values = layers.ZeroPadding1D((0, 1))(inputs)
    return keras.Model(inputs, kind(dropout=RATE)([inputs, values]))


def multi_head(layer):
    inputs = keras.Input((1, 3))
    values = layers.ZeroPadding1D((0, 1))(inputs)
    return keras.Model(inputs, layer(inputs, values))


def multi_head_attention():
    return multi_head(layers.MultiHeadAttention(1, 2, dropout=RATE, use_bias=False))


def group_query_attention():
    return multi_head(layers.GroupQueryAttention(2, 1, 1, dropout=RATE, use_bias=False))


def nested():
    inner = keras.Sequential(
        [keras.Input((1,)), layers.Dense(3), layers.Dense(1), layers.Dropout(RATE)]
    )
    middle_input = keras.Input((1,))
    middle = keras.Model(middle_input, inner(middle_input))
    inputs = keras.Input((1,))
    return keras.Model(inputs, middle(layers.Dense(1)(inputs)))


@keras.saving.register_keras_serializable("tests")
class Block(layers.Layer):
    """A layer that makes its own layers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(1, use_bias=False)
        self.normalise = layers.BatchNormalization()
        self.drop = layers.Dropout(RATE)

    def build(self, shape):
        self.dense.build(shape)
        self.normalise.build((*shape[:-1], 1))
        super().build(shape)

    def call(self, x, training=None):
        x = self.dense(x)
        return self.drop(self.normalise(x, training=training), training=training)


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.block = Block()

    def call(self, x, training=None):
        return self.block(x, training=training)


def subclassed():
    model = Subclassed()
    model(np.zeros((2, 1), "float32"))
    return model


def block():
    return sequential(Block(), shape=(1,))


def stacked_cells():
    cells = [layers.LSTMCell(1, dropout=RATE), layers.GRUCell(2)]
    return sequential(layers.RNN(cells), shape=(3, 1))


def bidirectional():
    forward = layers.LSTM(1, dropout=RATE)
    backward = layers.LSTM(1, go_backwards=True)
    return sequential(
        layers.Bidirectional(forward, backward_layer=backward), shape=(3, 1)
    )


def time_distributed():
    return sequential(layers.TimeDistributed(layers.Dropout(RATE)), shape=(1, 1))


def output_is_dropped(model, x):
    plain = model.predict(x, verbose=0)
    return plain * 0, plain * 2


def input_is_dropped(model, x):
    return scaled(model, x)


def forward_is_dropped(model, x):
    plain, (none, double) = model.predict(x, verbose=0), scaled(model, x)
    return [np.stack([half[:, 0], plain[:, 1]], axis=1) for half in (none, double)]


# Name: model, shape of an input, the two outputs that samples can be.
TWO_OUTCOMES = {
    "dropout": (
        lambda: sequential(layers.Dropout(RATE), layers.Dense(2), shape=(1,)),
        (1,),
        input_is_dropped,
    ),
    "spatial_dropout_1d": (
        lambda: sequential(layers.SpatialDropout1D(RATE), shape=(3, 1)),
        (3, 1),
        output_is_dropped,
    ),
    "spatial_dropout_2d": (
        lambda: sequential(layers.SpatialDropout2D(RATE), shape=(3, 2, 1)),
        (3, 2, 1),
        output_is_dropped,
    ),
    "spatial_dropout_3d": (
        lambda: sequential(layers.SpatialDropout3D(RATE), shape=(3, 2, 2, 1)),
        (3, 2, 2, 1),
        output_is_dropped,
    ),
    "simple_rnn": (
        lambda: sequential(layers.SimpleRNN(2, dropout=RATE), shape=(3, 1)),
        (3, 1),
        input_is_dropped,
    ),
    "gru": (
        lambda: sequential(layers.GRU(2, dropout=RATE), shape=(3, 1)),
        (3, 1),
        input_is_dropped,
    ),
    "lstm": (
        lambda: sequential(layers.LSTM(2, dropout=RATE), shape=(3, 1)),
        (3, 1),
        input_is_dropped,
    ),
    "cell_in_rnn": (
        lambda: sequential(layers.RNN(layers.GRUCell(2, dropout=RATE)), shape=(3, 1)),
        (3, 1),
        input_is_dropped,
    ),
    "stacked_cells": (stacked_cells, (3, 1), input_is_dropped),
    "bidirectional": (bidirectional, (3, 1), forward_is_dropped),
    "time_distributed": (time_distributed, (1, 1), output_is_dropped),
    "attention": (lambda: attention(layers.Attention), (1, 1), output_is_dropped),
    "additive_attention": (
        lambda: attention(layers.AdditiveAttention),
        (1, 1),
        output_is_dropped,
    ),
    "multi_head_attention": (multi_head_attention, (1, 3), output_is_dropped),
    "group_query_attention": (group_query_attention, (1, 3), output_is_dropped),
    "nested": (nested, (1,), output_is_dropped),
    "layer_of_layers": (block, (1,), output_is_dropped),
    "subclassed": (subclassed, (1,), output_is_dropped),
}


def everything(random=True):
    """Layers that must stay in inference mode, in front of and behind dropout."""
    rate = 0.3 if random else 0.0
    x = inputs = keras.Input((8, 8, 1))
    x = layers.RandomFlip(seed=1)(x)
    x = layers.SpectralNormalization(layers.Conv2D(4, 3))(x)
    x = layers.BatchNormalization()(x)
    x = layers.SpatialDropout2D(rate)(x)
    x = layers.Conv2D(3, 3, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Reshape((16, 3))(x)
    x = layers.LSTM(4, return_sequences=True, dropout=rate, recurrent_dropout=rate)(x)
    x = layers.MultiHeadAttention(2, 2, dropout=rate)(x, x)
    x = layers.GaussianNoise(rate)(x)
    x = layers.GaussianDropout(rate)(x)
    x = layers.AlphaDropout(rate)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = Block()(x) if random else x
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


class RandomInInference(layers.Layer):
    """Adds noise always, as the sampling layer of an autoencoder does."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(3)

    def call(self, x):
        return x + keras.random.normal(ops.shape(x), seed=self.generator)


class DropPath(layers.Layer):
    """Drops whole rows in training: a kind of dropout that Keras does not have."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(4)

    def call(self, x, training=False):
        if not training:
            return x
        kept = keras.random.randint((ops.shape(x)[0], 1), 0, 2, seed=self.generator)
        return x * 2 * ops.cast(kept, "float32")
