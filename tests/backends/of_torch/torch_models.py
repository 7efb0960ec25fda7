"""Models that train on torch in their own way, and trainings to compare."""

import random

import keras
import numpy as np
import torch
from keras import layers
from keras import ops

ROWS, BATCH = 36, 8  # five batches, the last one of four rows


def data(features=6, units=1):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, features)).astype("float32")
    return x, rng.normal(size=(ROWS, units)).astype("float32")


class Net(keras.Model):
    """Two layers and dropout, for training steps of its own."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu", name="hidden")
        self.drop = layers.Dropout(0.3)
        self.head = layers.Dense(1, name="head")

    def call(self, x, training=None):
        return self.head(self.drop(self.hidden(x), training=training))

    def loss_of(self, data):
        x, y = data[:2]
        return self.compute_loss(x=x, y=y, y_pred=self(x, training=True))


class HandsOver(Net):
    """Hands the gradients to Keras' optimizer."""

    def train_step(self, data):
        self.zero_grad()
        loss = self.loss_of(data)
        loss.backward()
        variables = self.trainable_variables
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in variables], variables)
        return {"loss": loss.detach()}


class OptimizedByTorch(Net):
    """Trains with an optimizer of torch, and a schedule of its own."""

    def prepare(self):
        parameters = [v.value for v in self.trainable_variables]
        self.adam = torch.optim.AdamW(parameters, lr=0.01)
        self.rates = torch.optim.lr_scheduler.ExponentialLR(self.adam, 0.9)

    def train_step(self, data):
        self.adam.zero_grad()
        loss = self.loss_of(data)
        loss.backward()
        self.adam.step()
        self.rates.step()
        return {"loss": loss.detach()}


class ScaledByTorch(OptimizedByTorch):
    """Scales its loss as torch does, sets the rate first, and keeps all its losses."""

    def __init__(self):
        super().__init__()
        self.scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=3)
        self.kept = Kept(name="kept")

    def train_step(self, data):
        self.rates.step()
        self.adam.zero_grad()
        loss = self.loss_of(data)
        self.kept.update_state(loss.detach())
        self.scaler.scale(loss).backward()
        self.scaler.step(self.adam)
        self.scaler.update()
        return {"loss": loss.detach(), "kept": self.kept.result()}


class Kept(keras.metrics.Metric):
    """Keeps what it gets in a list, and tells the mean."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.values = []

    def update_state(self, value, sample_weight=None):
        self.values.append(float(value))

    def result(self):
        return sum(self.values) / len(self.values)


class AddsUp(Net):
    """Adds gradients up in `.grad`, and applies them in every other batch."""

    batches = 0

    def train_step(self, data):
        loss = self.loss_of(data)
        (loss / 2).backward()
        self.batches += 1
        if self.batches % 2 == 0:
            variables = self.trainable_variables
            with torch.no_grad():
                self.optimizer.apply([v.value.grad for v in variables], variables)
            self.zero_grad()
        return {"loss": loss.detach()}


class WritesItself(Net):
    """Updates its weights without an optimizer."""

    def train_step(self, data):
        self.zero_grad()
        loss = self.loss_of(data)
        loss.backward()
        for variable in self.trainable_variables:
            variable.value.data -= 0.05 * variable.value.grad
        return {"loss": loss.detach()}


class ChangesItsBatch(Net):
    """Centres its inputs in place."""

    def train_step(self, data):
        data[0].sub_(data[0].mean())
        data[0].mul_(1.5)
        return super().train_step(data)


class CountsAndAverages(layers.Layer):
    """Counts its calls, averages what it gets, and uses both."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.average = torch.zeros(())
        self.places = {"last": torch.zeros(())}
        self.seen = []

    def call(self, x):
        self.calls += 1
        self.average.mul_(0.9).add_(0.1 * x.detach().mean())
        self.places["last"] = x.detach().abs().max()
        self.seen.append(self.calls)
        return x * (1 + self.calls / 100) + self.average + len(self.seen) / 50


class DrawsEverywhere(layers.Layer):
    """Adds noise from each global generator there is, and from some of its own."""

    def __init__(self):
        super().__init__()
        self.numpys = [np.random.default_rng(1), np.random.RandomState(1)]
        self.pythons = random.Random(1)
        self.torchs = torch.Generator().manual_seed(1)

    def call(self, x):
        noise = random.random() + np.random.random() + torch.rand(())
        noise += sum(each.normal() for each in self.numpys) + self.pythons.random()
        noise += torch.rand((), generator=self.torchs)
        return x + 0.01 * noise + 0.01 * keras.random.normal(ops.shape(x))


class WritesInCall(layers.Layer):
    """Writes its weight in place in each call."""

    def build(self, shape):
        self.shift = self.add_weight(shape=(), name="shift", trainable=False)

    def call(self, x):
        with torch.no_grad():
            self.shift.value.add_(0.01)
        return x + self.shift


def foreign():
    """Returns a model around modules of torch, with buffers and in-place functions."""
    module = torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(inplace=True)
    )
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.TorchModuleWrapper(module, output_shape=(None, 8)),
            layers.Dense(1),
        ]
    )


def with_layer(layer):
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, "tanh"), layer, layers.Dense(1)]
    )


MODELS = {
    "hands_over": HandsOver,
    "optimized_by_torch": OptimizedByTorch,
    "scaled_by_torch": ScaledByTorch,
    "adds_up": AddsUp,
    "changes_its_batch": ChangesItsBatch,
    "counts_and_averages": lambda: with_layer(CountsAndAverages()),
    "draws_everywhere": lambda: with_layer(DrawsEverywhere()),
    "foreign": foreign,
}
REFUSED = {
    "writes_itself": WritesItself,
    "writes_in_call": lambda: with_layer(WritesInCall()),
}


def train(build, callbacks, epochs=2, **arguments):
    """Trains a new model, everything seeded, and returns it with its history."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(7)
    model = build()
    x, y = data()
    model(x[:2])  # builds it
    if hasattr(model, "prepare"):
        model.prepare()
    model.compile(keras.optimizers.Adam(0.01), "mse")
    history = model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=epochs,
        callbacks=list(callbacks),
        verbose=0,
        **arguments,
    )
    return model, history


def state_of(model, history):
    """Returns all that a training left behind, as arrays."""
    tensors = [
        *(v.value for v in model.variables),
        *(v.value for v in model.metrics_variables),
        *(v.value for v in model.optimizer.variables),
        *(b for layer in model._flatten_layers() for b in layer.buffers()),
        *(p.grad for p in model.parameters() if p.grad is not None),
    ]
    for value in vars(model).values():
        if isinstance(value, torch.optim.Optimizer):
            states = value.state.values()
            tensors += [t for state in states for t in state.values()]
    found = [t.detach().clone().numpy() for t in tensors]
    found += [np.array(values) for values in history.history.values()]
    draws = random.random(), np.random.random(), torch.rand(2).numpy()
    own = keras.ops.convert_to_numpy(keras.random.uniform((2,)))
    return [*found, *map(np.array, draws), own]
