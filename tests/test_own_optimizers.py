"""Optimizers that a model holds beside the compiled one are named, or found."""

import keras
import numpy as np
import oracles
import pytest
from backend_in_use import NAME
from backend_in_use import only_on
from test_schedulers import BATCH
from test_schedulers import BATCHES
from test_schedulers import EPOCHS
from test_schedulers import STEPS
from test_schedulers import data
from test_schedulers import fit

from keras_extras.callbacks import ExponentialDecayScheduler
from keras_extras.callbacks import HyperparameterScheduler
from keras_extras.callbacks import LearningRateFinder
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler
from keras_extras.keras_internals.applied_optimizers import applied_optimizers
from keras_extras.steering.targets import chosen_optimizers

SGD = keras.optimizers.SGD
not_on_jax = only_on(
    "tensorflow",
    "torch",
    because="a step has the state of the compiled optimizer alone",
)


def squared_error(layer, x, y):
    return keras.ops.mean(keras.ops.square(layer(x) - y))


def train(layer, optimizer, x, y):
    """Trains a layer by one step."""
    variables = layer.trainable_variables
    if NAME == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = squared_error(layer, x, y)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return
    import torch

    loss = squared_error(layer, x, y)
    gradients = torch.autograd.grad(loss, [v.value for v in variables])
    with torch.no_grad():
        optimizer.apply(gradients, variables)


class Pair(keras.Model):
    """Two models in one, each with an optimizer of its own, like a GAN."""

    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = keras.layers.Dense(1), keras.layers.Dense(1)
        self.first_optimizer, self.second_optimizer = first, second

    def build(self, shape):
        self.first.build(shape)
        self.second.build(shape)
        self.built = True

    def call(self, x):
        return self.first(x)

    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        train(self.first, self.first_optimizer, x, y)
        self.train_second(x, y)
        return {"loss": keras.ops.mean(y)}

    def train_second(self, x, y):
        train(self.second, self.second_optimizer, x, y)


def pair(first=0.05, second=0.05):
    keras.utils.set_random_seed(1)
    made = [SGD(first, 0.9, name="one"), SGD(second, 0.9, name="two")]
    model = Pair(*made)
    model.compile(jit_compile=False)
    model.build((None, 3))
    return model


def weights(layer):
    return np.concatenate([np.ravel(np.array(w)) for w in layer.trainable_variables])


def reference(start, rates, momenta):
    """Returns what NumPy trains from the weights `start`."""
    x, y = data()
    x = np.hstack([x, np.ones((len(x), 1))])
    oracle, trained = oracles.SGD(), start.astype("float64")
    for step, (rate, momentum) in enumerate(zip(rates, momenta)):
        rows = slice(step % BATCHES * BATCH, (step % BATCHES + 1) * BATCH)
        gradient = 2 * x[rows].T @ (x[rows] @ trained - y[rows, 0]) / BATCH
        trained = oracle.step(trained, gradient, rate, momentum)
    return trained


def assert_trained(layer, start, rates, momenta):
    expected = reference(start, rates, momenta)
    np.testing.assert_allclose(weights(layer), expected, rtol=2e-4, atol=2e-5)


CONSTANT = np.full(STEPS, 0.05), np.full(STEPS, 0.9)


@not_on_jax
@pytest.mark.parametrize("name", ["second_optimizer", "two"])
def test_named_optimizer_follows_the_cycle_and_the_other_does_not(name):
    model = pair()
    starts = weights(model.first), weights(model.second)
    fit(model, [OneCycleScheduler(max_rate=0.05, optimizer=name)])
    assert_trained(model.first, starts[0], *CONSTANT)
    assert_trained(model.second, starts[1], *oracles.book(STEPS, 0.05))


@not_on_jax
def test_each_optimizer_may_have_a_callback():
    model = pair()
    starts = weights(model.first), weights(model.second)
    first = OneCycleScheduler(max_rate=0.05, optimizer=model.first_optimizer)
    second = OneCycleScheduler(max_rate=0.02, optimizer="second_optimizer")
    logs = fit(model, [first, second]).history
    assert_trained(model.first, starts[0], *oracles.book(STEPS, 0.05))
    assert_trained(model.second, starts[1], *oracles.book(STEPS, 0.02))
    assert logs["learning_rate_one"][0] > 2 * logs["learning_rate_two"][0]


@not_on_jax
def test_applied_optimizers_are_found_and_keep_their_proportion():
    model = pair(0.05, 0.01)
    starts = weights(model.first), weights(model.second)
    logs = fit(model, [OneCycleScheduler(max_rate=0.05, verbose=0)]).history
    rates, momenta = oracles.book(STEPS, 0.05)
    assert_trained(model.first, starts[0], rates, momenta)
    assert_trained(model.second, starts[1], rates / 5, momenta)
    assert not any("rmsprop" in name for name in logs)


@not_on_jax
def test_factors_act_on_all_that_are_applied():
    model = pair(0.05, 0.01)
    plateau = PerformanceScheduler("loss", patience=1, min_delta=100.0)
    logs = fit(model, [ExponentialDecayScheduler(STEPS), plateau]).history
    for name, rate in (("one", 0.05), ("two", 0.01)):
        decayed = rate * 0.1 ** ((STEPS - 1) / STEPS) * 0.5 ** (EPOCHS - 2)
        np.testing.assert_allclose(logs[f"learning_rate_{name}"][-1], decayed, 1e-5)


@not_on_jax
def test_an_idle_optimizer_is_reported_once():
    model = pair()
    callback = ExponentialDecayScheduler(10, optimizer="optimizer")
    with pytest.warns(UserWarning, match="choose the right one") as caught:
        fit(model, [callback])
    assert sum("idle: rm" in str(warning.message) for warning in caught) == 1


@not_on_jax
def test_a_schedule_of_keras_may_drive_another_optimizer():
    theirs = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    fit(pair(), [ExponentialDecayScheduler(10), theirs], epochs=1)


def test_name_that_the_model_does_not_hold():
    callback = HyperparameterScheduler("momentum", lambda t: 0.9, optimizer="third")
    with pytest.raises(ValueError, match=r"`optimizer` must be one that.*first_opt"):
        fit(pair(), [callback])


def test_a_sweep_needs_the_compiled_optimizer():
    with pytest.raises(ValueError, match="applies one, two"):
        fit(pair(), [LearningRateFinder()])


class Holds(keras.Model):
    def __init__(self, *optimizers):
        super().__init__()
        self.several = list(optimizers)

    def train_step(self, data):
        for optimizer in self.several:
            optimizer.apply([])


class Above(keras.Model):
    def __init__(self):
        super().__init__()
        self.unused = SGD(name="unused")

    def train_step(self, *arguments):
        return super().train_step(*arguments)


class NamesNone(keras.Model):
    def train_step(self, data):
        return {}


def closing_over(optimizer):
    class Closes(keras.Model):
        def train_step(self, data):
            optimizer.apply([])

    return Closes()


def names_of(model):
    model.compile(SGD(name="compiled"))
    return [optimizer.name for optimizer in applied_optimizers(model)]


def test_the_step_names_its_optimizers():
    assert names_of(keras.Sequential([keras.layers.Dense(1)])) == ["compiled"]
    assert names_of(Holds(SGD(name="a"), SGD(name="b"))) == ["a", "b"]
    assert names_of(Above()) == ["compiled"]
    assert names_of(NamesNone()) == ["compiled"]
    assert names_of(closing_over(SGD(name="closed"))) == ["closed"]
    assert names_of(pair()) == ["one", "two"]


def test_several_may_be_named():
    model = pair()
    assert chosen_optimizers(model, ["two", model.first_optimizer]) == [
        model.second_optimizer,
        model.first_optimizer,
    ]
