"""Tiny models of every kind that Keras can train, each with data that fits."""

import sys
from pathlib import Path

import keras
import numpy as np
from backend_in_use import JIT
from keras import layers
from keras import ops

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from identity_matrix.own_step import OwnStep

BATCH = 8
ROWS = 36  # five batches, the last one of four rows


def sequential_mlp():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(5, activation="tanh"),
            layers.Dense(1),
        ]
    )


def unbuilt_sequential():
    return keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])


def functional_cnn():
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(1)(x))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.drop = layers.Dropout(0.2)
        self.head = layers.Dense(1)

    def call(self, x, training=None):
        return self.head(self.drop(self.hidden(x), training=training))


class OwnTrainStep(OwnStep):
    """Has a training step of its own, and a dict as output."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.left = layers.Dense(1)
        self.right = layers.Dense(2)

    def call(self, x):
        h = self.hidden(x)
        return {"left": self.left(h), "right": self.right(h)}

    def losses_of(self, x, y):
        out = self(x, training=True)
        left = ops.mean(ops.square(out["left"] - y))
        return {"loss": left + ops.mean(ops.square(out["right"]))}


def nested():
    limited = layers.Dense(
        8, activation="relu", kernel_constraint=keras.constraints.MaxNorm(1.0)
    )
    encoder = keras.Sequential(
        [keras.Input((6,)), limited, layers.Dense(4)], name="encoder"
    )
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(1, name="head")(encoder(inputs)))


def many_inputs_and_outputs():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    h = layers.Concatenate()([layers.Dense(5)(a), layers.Dense(5)(b)])
    h = layers.Activation("tanh")(h)
    outputs = {
        "first": layers.Dense(1, name="first")(h),
        "second": layers.Dense(2, name="second")(h),
    }
    return keras.Model({"a": a, "b": b}, outputs)


def shared_layer():
    shared = layers.Dense(6, activation="tanh", name="shared")
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(1, name="head")(shared(shared(inputs))))


def recurrent():
    return keras.Sequential(
        [
            keras.Input((5, 3)),
            layers.LSTM(4, return_sequences=True),
            layers.GRU(4, dropout=0.2, recurrent_dropout=0.2),
            layers.Dense(1),
        ]
    )


def one_recurrent_layer():
    layer = layers.GRU(4, dropout=0.2, recurrent_dropout=0.2)
    return keras.Sequential([keras.Input((3, 3)), layer, layers.Dense(1)])


def attention():
    x = inputs = keras.Input((5, 4))
    # Without biases: the gradient of a key's bias is 0 but for rounding.
    attend = layers.MultiHeadAttention(
        2, 4, dropout=0.1, use_bias=False, name="attention"
    )
    x = attend(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, inputs]))
    return keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))


def embedding():
    return keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(12, 4),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1),
        ]
    )


@keras.saving.register_keras_serializable("tests")
class WithUnusedWeight(layers.Layer):
    def build(self, shape):
        self.used = self.add_weight(shape=(shape[-1], 4), name="used")
        self.unused = self.add_weight(shape=(3,), name="unused")

    def call(self, x):
        return ops.matmul(x, self.used)


class NeverUsed(layers.Layer):
    """Passes its input on; its weight has no part in the loss."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(3,), name="weight")

    def call(self, x):
        return x


def frozen_and_unused():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", trainable=False, name="frozen"),
            WithUnusedWeight(name="partly_used"),
            NeverUsed(name="never_used"),
            layers.Dense(1, name="head"),
        ]
    )


class ReturnsTupleAndDict(layers.Layer):
    """Returns a tuple that holds a dict."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4), name="kernel")

    def call(self, x):
        y = ops.matmul(x, self.kernel)
        return y, {"sine": ops.sin(y), "count": ops.cast(ops.round(y), "int32")}


def tuple_and_dict():
    inputs = keras.Input((6,))
    y, more = ReturnsTupleAndDict(name="several")(inputs)
    return keras.Model(inputs, layers.Dense(1, name="head")(y + more["sine"]))


def _features(shape, seed=0, rows=ROWS):
    return np.random.default_rng(seed).normal(size=(rows, *shape)).astype("float32")


def _targets(units=1, rows=ROWS):
    return _features((units,), seed=1, rows=rows)


def _plain_data(shape=(6,)):
    return _features(shape), _targets()


def _data_of_many():
    x = {"a": _features((4,)), "b": _features((3,), seed=2)}
    return x, {"first": _targets(), "second": _targets(2)}


def _word_data():
    words = np.random.default_rng(0).integers(0, 12, (ROWS, 5)).astype("int32")
    return words, _targets()


# Name: what builds the model, what makes its data.
MODELS = {
    "sequential_mlp": (sequential_mlp, _plain_data),
    "unbuilt_sequential": (unbuilt_sequential, _plain_data),
    "functional_cnn": (functional_cnn, lambda: _plain_data((8, 8, 1))),
    "subclassed": (Subclassed, _plain_data),
    "own_train_step": (OwnTrainStep, _plain_data),
    "nested": (nested, _plain_data),
    "many_inputs_and_outputs": (many_inputs_and_outputs, _data_of_many),
    "shared_layer": (shared_layer, _plain_data),
    "recurrent": (recurrent, lambda: _plain_data((5, 3))),
    "one_recurrent_layer": (one_recurrent_layer, lambda: _plain_data((3, 3))),
    "attention": (attention, lambda: _plain_data((5, 4))),
    "embedding": (embedding, _word_data),
    "frozen_and_unused": (frozen_and_unused, _plain_data),
    "tuple_and_dict": (tuple_and_dict, _plain_data),
}


def make(name, **compile_arguments):
    """Returns a compiled model with seeded weights, and its data."""
    builder, data = MODELS[name]
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(7)
    model = builder()
    arguments = {"jit_compile": JIT, "optimizer": "sgd", **compile_arguments}
    if name != "own_train_step":
        arguments.setdefault("loss", "mse")
    model.compile(**arguments)
    return model, *data()
