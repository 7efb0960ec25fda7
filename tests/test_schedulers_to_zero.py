"""The schedules of the optimizer's own rate train what NumPy trains."""

import functools

import numpy as np
import oracles
import pytest
from backend_in_use import JIT
from backend_in_use import NAME
from test_schedulers import BATCHES
from test_schedulers import OPTIMIZERS
from test_schedulers import STEPS
from test_schedulers import WRAPPED
from test_schedulers import Reads
from test_schedulers import fit
from test_schedulers import fresh
from test_schedulers import linear_model
from test_schedulers import momentum_sgd
from test_schedulers import reference
from test_schedulers import weights_of

from keras_extras.callbacks import InverseSquareRootScheduler
from keras_extras.callbacks import LinearToZeroScheduler
from keras_extras.callbacks import WarmRestartsScheduler
from keras_extras.callbacks import WarmupStableDecayScheduler

# The callback, and the shares of the rate that NumPy has for so many steps.
SCHEDULERS = {
    "line": (
        lambda: LinearToZeroScheduler(warmup_steps=3),
        lambda steps: oracles.linear_to_zero(steps, 3),
    ),
    **{
        shape: (
            lambda shape=shape: WarmupStableDecayScheduler(
                warmup_steps=3, cooldown=0.5, shape=shape
            ),
            lambda steps, shape=shape: oracles.warmup_stable_decay(
                steps, 3, 0.5, shape
            ),
        )
        for shape in ("linear", "cosine", "1-sqrt")
    },
    "root": (
        lambda: InverseSquareRootScheduler(4),
        lambda steps: oracles.inverse_square_root(steps, 4),
    ),
    "restarts": (
        lambda: WarmRestartsScheduler(5, m_mul=0.5, warmup_steps=2),
        lambda steps: oracles.warm_restarts(steps, 1.0, 5, 2.0, 0.5, 0.0, 2),
    ),
}
XLA = True if NAME == "tensorflow" else JIT
# How the step runs: optimizer, wrapping, batches per update, arguments of `compile`.
SETTINGS = {
    "plain": ("sgd", "plain", 1, {}),
    "xla": ("adam", "plain", 1, {"jit_compile": XLA}),
    "eager": ("sgd", "plain", 1, {"run_eagerly": True}),
    "several": ("adamw", "several", 1, {}),
    "scaled": ("sgd", "scaled", 1, {}),
    "accumulating": ("sgd", "plain", 2, {}),
    "three_at_once": ("adam", "plain", 1, {"steps_per_execution": 3}),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", SCHEDULERS)
def test_weights_agree_with_numpy(name, setting):
    make_scheduler, shares = SCHEDULERS[name]
    chosen, wrapping, each, arguments = SETTINGS[setting]
    make, oracle, rate = OPTIMIZERS[chosen]
    make = functools.partial(make, learning_rate=rate)
    if each > 1:
        make = functools.partial(make, gradient_accumulation_steps=each)
    rates = rate * shares(STEPS // each)
    momenta = np.full(len(rates), 0.9)
    model = linear_model(WRAPPED[wrapping](make), **arguments)
    expected = reference(model, fresh(oracle), rates, momenta, each)
    constant = reference(model, fresh(oracle), 0 * rates + rate, momenta, each)
    fit(model, [make_scheduler()])
    # Adam divides by roots of what begins as single digits of rounding.
    limit = 2e-6 if chosen == "sgd" else 3e-5
    np.testing.assert_allclose(weights_of(model), expected, rtol=0, atol=limit)
    assert np.max(np.abs(constant - expected)) > 1e-4


def test_a_second_fit_starts_a_schedule_of_known_length_anew():
    read, line = Reads(), LinearToZeroScheduler(warmup_steps=3)
    model = linear_model(momentum_sgd(0.05))
    fit(model, [line, read], epochs=1)
    fit(model, [line, read], epochs=1)
    shares = oracles.linear_to_zero(BATCHES, 3)
    np.testing.assert_allclose(read.rates, 0.05 * np.tile(shares, 2), rtol=1e-5)


def test_before_the_start_the_first_value_holds():
    read = Reads()
    model = linear_model(momentum_sgd(0.05))
    fit(model, [LinearToZeroScheduler(10, 3, start=5), read], epochs=1)
    shares = [*[0.25] * 5, *oracles.linear_to_zero(10, 3)[:5]]
    np.testing.assert_allclose(read.rates, 0.05 * np.array(shares), rtol=1e-5)


def test_past_the_end_the_rate_is_zero_with_one_warning():
    read = Reads()
    model = linear_model(momentum_sgd(0.05))
    with pytest.warns(UserWarning, match="past the end of the schedule") as caught:
        fit(model, [LinearToZeroScheduler(15), read])
    assert sum(warning.category is UserWarning for warning in caught) == 1
    np.testing.assert_array_equal(read.rates[15:], 0.0)


def test_warm_up_that_is_longer_than_the_training():
    model = linear_model(momentum_sgd())
    with pytest.raises(ValueError, match="`warmup_steps` must be less than"):
        fit(model, [LinearToZeroScheduler(warmup_steps=STEPS)])
