"""Recomputes single training steps, independently of the callbacks."""

import keras
import models
import numpy as np
from backend_in_use import gradients_of
from backend_in_use import restore_torch
from backend_in_use import state_of_torch


class Values(list):
    """The values of all variables of a model, and where torch's generator stood."""

    def __init__(self, values, generator=None):
        super().__init__(values)
        self.generator = generator


class Snapshots(keras.callbacks.Callback):
    """Keeps all variables of the model as they are around each batch."""

    def __init__(self):
        super().__init__()
        self.before = []
        self.after = []

    def on_train_batch_begin(self, batch, logs=None):
        values = [np.array(v) for v in self.model.variables]
        self.before.append(Values(values, state_of_torch()))

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
    restore_torch(getattr(values, "generator", None))


def gradients(twin, values, x, y):
    """Returns the dense gradients of a step that starts at `values`."""
    restore(twin, values)
    x, y = keras.tree.map_structure(keras.ops.convert_to_tensor, (x, y))

    def loss():
        outputs = twin(x, training=True)
        return twin.compute_loss(x=x, y=y, y_pred=outputs, training=True)

    found = gradients_of(loss, twin.trainable_variables)
    return {v.path: g for g, v in zip(found, twin.trainable_variables, strict=True)}


def layer_named(model, path):
    """Returns the one layer of `model` that the callbacks call `path`."""
    name = path.split("/")[-1]
    (layer,) = [each for each in model._flatten_layers() if each.name == name]
    return layer


def flat(arrays):
    return np.concatenate([np.ravel(a) for a in arrays]).astype("float64")
