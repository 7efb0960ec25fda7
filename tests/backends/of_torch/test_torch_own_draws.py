"""Samples while another thread draws from the generators of torch itself."""

import threading
from contextlib import contextmanager

import keras
import numpy as np
import pytest
import torch

from keras_extras.uncertainty import mc_dropout
from keras_extras.uncertainty import mc_predict
from keras_extras.uncertainty.torch.own_draws import OwnDraws

DRAWN = {
    "rand": lambda: torch.rand(3),
    "randn": lambda: torch.randn((3,), device="cpu"),
    "randint": lambda: torch.randint(0, 1000, (3,)),
    "randperm": lambda: torch.randperm(8),
    "normal": lambda: torch.normal(0.0, 1.0, size=(3,)),
    "bernoulli_": lambda: torch.empty(20).bernoulli_(0.5),
    "bernoulli": lambda: torch.bernoulli(torch.full((20,), 0.5)),
    "rand_like": lambda: torch.rand_like(torch.ones(3)),
    "randn_like": lambda: torch.randn_like(torch.ones(3)),
    "gamma": lambda: torch.distributions.Gamma(torch.ones(3), torch.ones(3)).sample(),
    "dropout": lambda: torch.nn.functional.dropout(torch.ones(20), 0.5),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_what_is_drawn_is_seeded_and_not_from_the_generators_of_the_process(draw):
    before = torch.get_rng_state()
    with OwnDraws(7):
        first, second = draw(), draw()
    with OwnDraws(7):
        again = draw()
    with OwnDraws(8):
        other = draw()
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_keeps_the_share_it_should_and_the_mean():
    x = torch.ones(100_000, requires_grad=True)
    with OwnDraws(0):
        y = torch.nn.functional.dropout(x, 0.2)
        np.testing.assert_array_equal(
            torch.nn.functional.dropout(x, 0.2, training=False).detach(), x.detach()
        )
    y.sum().backward()
    values = y.detach().numpy()
    assert set(np.unique(values)) == {0.0, 1.25}
    assert abs((values == 0).mean() - 0.2) < 0.01
    np.testing.assert_array_equal(x.grad, values)


@contextmanager
def another_thread_draws():
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            torch.rand(1)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_seed_gives_the_same_samples_beside_a_thread_that_draws():
    model = keras.Sequential(
        [
            keras.Input((6, 4)),
            keras.layers.LSTM(5, dropout=0.4),
            keras.layers.Dense(50),
            keras.layers.Dropout(0.5),
        ]
    )
    x = np.ones((3, 6, 4), "float32")

    def context():
        with mc_dropout(model, seed=3):
            return [keras.ops.convert_to_numpy(model(x)) for _ in range(5)]

    alone = mc_predict(model, x, 20, seed=1).mean, context()
    with another_thread_draws():
        beside = mc_predict(model, x, 20, seed=1).mean, context()
    np.testing.assert_array_equal(alone[0], beside[0])
    np.testing.assert_array_equal(alone[1], beside[1])
