"""Data that a thread makes beside a training draw the numbers that they would draw."""

import random

import keras
import numpy as np
import pytest

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.keras_internals import snapshot

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")


class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2.0 * x


class Noisy(keras.utils.PyDataset):
    """Batches with noise from the generators of the process; Keras has a thread."""

    def __init__(self):
        super().__init__()
        self.draws = []

    def __len__(self):
        return 8

    def __getitem__(self, index):
        noise = np.random.normal(size=(8, 6)) + random.random()
        self.draws.append(noise[0, 0])
        rows = X[8 * index : 8 * index + 8]
        return (rows + noise).astype("float32"), rows[:, :1]


def trained(layers, callbacks):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    data = Noisy()
    model.fit(data, epochs=3, shuffle=False, verbose=0, callbacks=callbacks)
    return data.draws, [np.array(value) for value in model.weights]


@pytest.mark.parametrize("own", [[], [Doubled]], ids=["stock", "own layer"])
def test_thread_draws_no_number_twice(own):
    draws, weights = trained([layer() for layer in own], [])
    callbacks = [TrainingDiagnostics(every=1, verbose=0), ActivationLogger(every=1)]
    drawn, trained_with = trained([layer() for layer in own], callbacks)
    assert len(callbacks[0].history) >= 20
    assert len(set(drawn)) == len(drawn)
    assert drawn[:24] == draws[:24]
    for one, other in zip(weights, trained_with):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("data", [Noisy, lambda: X], ids=["thread", "arrays"])
def test_dry_run_knows_whether_the_data_may_draw(monkeypatch, data):
    told = []
    ask = snapshot.data_may_draw
    monkeypatch.setattr(snapshot, "data_may_draw", lambda: told.append(ask()) or True)
    model = keras.Sequential([keras.Input((6,)), Doubled(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = data()
    y = X[:, :1] if x is X else None
    callbacks = [ActivationLogger(every=1)]
    model.fit(x, y, batch_size=8 if x is X else None, verbose=0, callbacks=callbacks)
    assert told
    assert set(told) == {x is not X}


@pytest.mark.parametrize("may_draw", [True, False])
@pytest.mark.parametrize("layer", [Doubled, keras.layers.ReLU])
def test_generators_go_back_only_where_the_model_alone_draws(
    monkeypatch, layer, may_draw
):
    monkeypatch.setattr(snapshot, "data_may_draw", lambda: may_draw)
    model = keras.Sequential([keras.Input((6,)), layer()])
    np.random.seed(1)
    with snapshot.random_state_kept_beside(model):
        first = np.random.random()
    again = np.random.random() == first
    assert again == (layer is Doubled and not may_draw)
