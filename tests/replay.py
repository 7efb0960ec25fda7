"""Recomputes single training steps, independently of the callbacks."""

import keras
import models
import numpy as np
import tensorflow as tf


class Snapshots(keras.callbacks.Callback):
    """Keeps all variables of the model as they are around each batch."""

    def __init__(self):
        super().__init__()
        self.before = []
        self.after = []

    def on_train_batch_begin(self, batch, logs=None):
        self.before.append([np.array(v) for v in self.model.variables])

    def on_train_batch_end(self, batch, logs=None):
        self.after.append([np.array(v) for v in self.model.variables])


def batches(*arrays):
    """Yields the batches of `fit(shuffle=False)`."""
    for start in range(0, models.ROWS, models.BATCH):
        yield tuple(rows(each, start, start + models.BATCH) for each in arrays)


def rows(arrays, start, stop):
    return keras.tree.map_structure(lambda array: array[start:stop], arrays)


def restore(model, values):
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)


def gradients(twin, values, x, y):
    """Returns the dense gradients of a step that starts at `values`."""
    restore(twin, values)
    x, y = keras.tree.map_structure(tf.convert_to_tensor, (x, y))
    with tf.GradientTape() as tape:
        outputs = twin(x, training=True)
        loss = twin.compute_loss(x=x, y=y, y_pred=outputs, training=True)
    found = tape.gradient(loss, twin.trainable_variables)
    return {
        v.path: None if g is None else tf.convert_to_tensor(g).numpy()
        for g, v in zip(found, twin.trainable_variables, strict=True)
    }


def layer_named(model, path):
    """Returns the one layer of `model` that the callbacks call `path`."""
    name = path.split("/")[-1]
    (layer,) = [each for each in model._flatten_layers() if each.name == name]
    return layer


def flat(arrays):
    return np.concatenate([np.ravel(a) for a in arrays]).astype("float64")
