"""Models that train on JAX in their own way, and trainings to compare."""

import jax
import keras
import numpy as np
from keras import layers
from keras import ops

ROWS, BATCH = 36, 8  # five batches, the last one of four rows


def data(features=6, units=1, rows=ROWS):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, features)).astype("float32")
    return x, rng.normal(size=(rows, units)).astype("float32")


class Net(keras.Model):
    """Two layers and dropout, for training steps of its own."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu", name="hidden")
        self.drop = layers.Dropout(0.3)
        self.head = layers.Dense(1, name="head")

    def call(self, x, training=None):
        return self.head(self.drop(self.hidden(x), training=training))


class OwnStep(Net):
    """Takes gradients by a `grad` that it has imported itself."""

    def train_step(self, state, data):
        trainable, fixed, slots, metrics = state
        x, y = data[:2]

        def loss_of(trainable):
            y_pred, changed = self.stateless_call(trainable, fixed, x, training=True)
            return ops.mean(ops.square(y_pred - y)), changed

        gradient = jax.value_and_grad(loss_of, has_aux=True)
        (loss, fixed), gradients = gradient(trainable)
        trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
        return {"loss": loss}, (trainable, fixed, slots, metrics)


class NeverCalled(Net):
    """Holds a layer that it does not call."""

    def __init__(self):
        super().__init__()
        self.spare = layers.Dense(3, name="spare")
        self.spare.build((None, 6))


class Branches(layers.Layer):
    """Has a layer in a branch, where nothing can be brought out of."""

    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(6, name="inner")

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return ops.cond(ops.mean(x) > 0, lambda: self.inner(x), lambda: x)


def branches():
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(1)(Branches()(inputs)))


def stateful_rnn():
    inputs = keras.Input((3, 2), batch_size=4)
    x = layers.LSTM(5, stateful=True, dropout=0.2)(inputs)
    return keras.Model(inputs, layers.Dense(1)(x))


def sequences(batch=4):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 3, 2)).astype("float32")
    return x, rng.normal(size=(16, 1)).astype("float32")


def penalized():
    inputs = keras.Input((6,))
    x = layers.Dense(8, "relu", kernel_regularizer="l2", name="a")(inputs)
    x = layers.ActivityRegularization(0.01)(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Dense(1, name="b")(x))


def net(optimizer="sgd", build=None, **arguments):
    """Returns a compiled model with seeded weights."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(7)
    model = (build or penalized)()
    model.compile(optimizer, "mse", **arguments)
    return model


def state_of(model):
    """Returns all that a training changes."""
    variables = [
        *model.variables,
        *model.optimizer.variables,
        *model.metrics_variables,
    ]
    return [np.array(v) for v in variables]


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
