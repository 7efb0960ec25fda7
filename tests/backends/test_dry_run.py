"""A dry run lets go of what it measured: between two samples no memory is held."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_extras.callbacks import TrainingDiagnostics

ROWS, UNITS = 11, 37  # a shape that nothing else has


class Held(keras.callbacks.Callback):
    """Counts the tensors that stay in memory between two batches, by shape."""

    def __init__(self, shape):
        super().__init__()
        self.shape, self.counts = shape, []

    def on_train_batch_end(self, batch, logs=None):
        gc.collect()
        self.counts.append(
            sum(
                isinstance(each, tf.Tensor) and each.shape == self.shape
                for each in gc.get_objects()
                if tf.is_tensor(each)
            )
        )


@pytest.mark.parametrize("shape", [(ROWS, UNITS), (5, UNITS)])
def test_neither_outputs_nor_gradients_are_held_between_samples(shape):
    keras.utils.set_random_seed(0)
    stack = [layers.Dense(UNITS, activation="relu"), layers.Dense(1)]
    model = keras.Sequential([keras.Input((5,)), *stack])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(3 * ROWS, 5)).astype("float32")
    held, plain = Held(shape), Held(shape)
    diagnostics = TrainingDiagnostics(every=1, verbose=0, replay=False)
    model.fit(x, x[:, :1], batch_size=ROWS, verbose=0, callbacks=[plain])
    model.fit(x, x[:, :1], batch_size=ROWS, verbose=0, callbacks=[diagnostics, held])
    assert len(diagnostics.history) == 3
    assert held.counts == plain.counts
