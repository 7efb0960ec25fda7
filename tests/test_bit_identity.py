"""Training is the same, bit for bit, with and without the callbacks.

The most fragile pairs of `benchmarks/identity.py`, which tries them all. There is no
exception: where plain training comes out the same twice, so it does with callbacks.
"""

import functools
import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from backend_in_use import only_on

from keras_extras.callbacks import TrainingDiagnostics

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from identity_matrix import CASES
from identity_matrix import SETUPS
from identity_matrix.pair import SAME
from identity_matrix.pair import run_pair
from identity_matrix.state import differences
from identity_matrix.training import train

# What makes them fragile: sums that the graph optimiser regroups, normalisation that it
# fuses, state that a second pass would write, random draws that it would take away.
CORE = [
    ("dense_bn_relu", "sgd"),
    ("wide_and_deep", "sgd"),
    ("residual_convolutions", "adam"),
    ("shared_batch_normalization", "momentum"),
    ("gru_with_masking", "accumulation"),
    ("embedding", "bfloat16"),
    ("gan", "adam"),
    ("never_called_sublayer", "steps3"),
    ("own_train_step", "float16"),
    ("unbuilt_sequential", "float16"),  # a wrapped optimizer names its variables late
    ("mlp", "eager"),
    ("residual_mlp", "sgd+xla"),
]
# What the default does, every step does more often.
CALLBACKS = ("every=1", "loggers")


def of_this_backend(name, setup):
    here = name in CASES and setup in SETUPS
    marks = () if here else pytest.mark.skip("the matrix has no such pair here")
    return pytest.param(name, setup, marks=marks)


@pytest.mark.parametrize(("name", "setup"), [of_this_backend(*pair) for pair in CORE])
def test_nothing_differs(name, setup):
    pair = run_pair(CASES[name], SETUPS[setup], CALLBACKS)
    assert pair.counts, pair.reason
    for callbacks, outcome in pair.outcomes.items():
        assert outcome.status == SAME, (callbacks, outcome.error, outcome.differing)
        assert all(outcome.recorded), (callbacks, outcome.recorded, outcome.warnings)


@only_on("tensorflow", because="it is about random draws in its graph")
def test_random_draws_of_tensorflow_are_the_same_and_what_is_left_out_is_said():
    pair = run_pair(CASES["vae_with_stateful_draws"], SETUPS["sgd"], CALLBACKS)
    assert pair.counts, pair.reason
    for callbacks, outcome in pair.outcomes.items():
        assert outcome.status == SAME, (callbacks, outcome.error, outcome.differing)
        assert all(outcome.recorded) or outcome.warnings


class CountsCalls(keras.layers.Layer):
    """Changes its output, and a variable that Keras knows nothing of, in each call."""

    def __init__(self):
        super().__init__()
        import tensorflow as tf

        self.calls = tf.Variable(0.0)

    def call(self, x):
        return x * (1.0 + self.calls.assign_add(1.0) / 100.0)


@only_on("tensorflow", because="it is about operations that its graph holds")
@pytest.mark.parametrize("eager", [True, False])
def test_side_effects_are_not_repeated(eager):
    x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    weights = []
    for callbacks in ([], [TrainingDiagnostics(every=1, verbose=0)]):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Dense(3), CountsCalls()])
        model.compile("sgd", "mse", run_eagerly=eager, jit_compile=JIT)
        said = "AssignAdd.* would happen twice"
        with pytest.warns(UserWarning, match=said) if callbacks else nullcontext():
            model.fit(x, x, batch_size=4, verbose=0, callbacks=callbacks)
        weights.append(model.get_weights())
    assert all(map(np.array_equal, *weights))


def test_the_matrix_is_complete():
    assert len(CASES) >= 40
    assert len(SETUPS) >= 4


class Disturbs(keras.callbacks.Callback):
    """Does one thing at the end of one batch that no callback may do."""

    def __init__(self, disturb):
        super().__init__()
        self.disturb = disturb

    def on_train_batch_end(self, batch, logs=None):
        if batch == 3:
            self.disturb(self.model)


def change_a_weight(model):
    kernel = model.layers[0].kernel
    kernel.assign(np.nextafter(np.array(kernel), np.float32(9)))


def draw_from_a_layer(model):
    model(np.ones((1, 6), "float32"), training=True)


def draw_from_keras(model):
    keras.random.uniform((1,))


def draw_from_numpy(model):
    np.random.random()


def train_mlp(callbacks):
    return train(CASES["mlp"], SETUPS["sgd"], callbacks).state


@functools.cache
def plain():
    return train_mlp([])


def test_plain_training_comes_out_the_same_twice():
    assert not differences(plain(), train_mlp([]))


@pytest.mark.parametrize(
    "disturb", [change_a_weight, draw_from_a_layer, draw_from_keras, draw_from_numpy]
)
def test_a_disturbance_is_noticed(disturb):
    assert differences(plain(), train_mlp([Disturbs(disturb)]))
