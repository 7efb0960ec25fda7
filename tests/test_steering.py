"""Driven values to the last digit, and how they get into a step of each backend."""

import functools

import keras
import numpy as np
import oracles
import pytest
from backend_in_use import JIT
from backend_in_use import NAME
from backend_in_use import only_on
from test_schedulers import BATCH
from test_schedulers import BATCHES
from test_schedulers import EPOCHS
from test_schedulers import OPTIMIZERS
from test_schedulers import STEPS
from test_schedulers import WRAPPED
from test_schedulers import data
from test_schedulers import fit
from test_schedulers import fresh
from test_schedulers import linear_model
from test_schedulers import reference
from test_schedulers import weights_of

from keras_extras.callbacks import HyperparameterScheduler
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler
from keras_extras.schedules import Interpolation

optimizers = keras.optimizers

# How the step runs: wrapping, batches per update, arguments of `compile`.
SETTINGS = {
    "plain": ("plain", 1, {}),
    "eager": ("plain", 1, {"run_eagerly": True}),
    "several": ("several", 1, {}),
    "scaled": ("scaled", 1, {}),
    "accumulating": ("plain", 2, {}),
    "three_at_once": ("plain", 1, {"steps_per_execution": 3}),
    "accumulating_in_several_at_once": ("several", 2, {"steps_per_execution": 3}),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_forty_steps_agree_with_numpy_to_rounding(name, setting):
    wrapping, each, arguments = SETTINGS[setting]
    make, oracle, top = OPTIMIZERS[name]
    if each > 1:
        make = functools.partial(make, gradient_accumulation_steps=each)
    rates, momenta = oracles.book(STEPS // each, top)
    model = linear_model(WRAPPED[wrapping](make), **arguments)
    expected = reference(model, fresh(oracle), rates, momenta, each)
    fit(model, [OneCycleScheduler(max_rate=top)])
    # Adam divides by roots of what begins as single digits of rounding.
    limit = 1e-6 if name == "sgd" else 1e-5
    np.testing.assert_allclose(weights_of(model), expected, rtol=0, atol=limit)


def test_weight_decay_of_each_step_agrees_with_numpy():
    decays = np.linspace(0.0, 0.5, STEPS)
    model = linear_model(optimizers.AdamW(0.05))
    weights = weights_of(model).astype("float64")
    oracle = oracles.Adam()
    x, y = data()
    x = np.hstack([x, np.ones((len(x), 1))])
    for step, decay in enumerate(decays):
        first = step % BATCHES * BATCH
        rows = slice(first, first + BATCH)
        gradient = 2 * x[rows].T @ (x[rows] @ weights - y[rows, 0]) / BATCH
        oracle.constants = {"decay": decay}
        weights = oracle.step(weights, gradient, 0.05, 0.9)
    curve = Interpolation([0, STEPS - 1], [0.0, 0.5])
    fit(model, [HyperparameterScheduler("weight_decay", curve)])
    np.testing.assert_allclose(weights_of(model), weights, rtol=0, atol=1e-5)


def test_momentum_that_passes_through_zero_uses_up_what_has_gathered():
    momenta = np.array([0.9, 0.9, 0.0, 0.0, 0.5, 0.9, 0.9, 0.0, 0.9, 0.9])
    model = linear_model(optimizers.SGD(0.05, momentum=0.9))
    expected = reference(model, oracles.SGD(), np.full(10, 0.05), momenta)

    def curve(step):
        return keras.ops.take(momenta.astype("float32"), keras.ops.clip(step, 0, 9))

    fit(model, [HyperparameterScheduler("momentum", curve)], epochs=1)
    np.testing.assert_allclose(weights_of(model), expected, rtol=0, atol=1e-6)


class CountsTraces(keras.Sequential):
    """Counts how often its Python runs in training."""

    traces = 0

    def call(self, x, training=None, mask=None):
        if training:
            self.traces += 1
        return super().call(x, training=training)


def counting_model(optimizer):
    keras.utils.set_random_seed(1)
    model = CountsTraces([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", jit_compile=JIT)
    model.traces = 0
    return model


def test_step_traced_before_does_not_keep_its_values():
    rates, momenta = oracles.book(STEPS, 0.05)
    model = linear_model(optimizers.SGD(0.02, momentum=0.9))
    start = model.get_weights()
    expected = reference(model, oracles.SGD(), rates, momenta)
    constant = reference(
        model, oracles.SGD(), np.full(STEPS, 0.02), np.full(STEPS, 0.9)
    )
    for callbacks, wanted in [
        ([], constant),
        ([OneCycleScheduler(max_rate=0.05)], expected),
        ([], constant),
        ([OneCycleScheduler(max_rate=0.05)], expected),
    ]:
        model.set_weights(start)
        for variable in model.optimizer.variables:
            if not variable.path.endswith("learning_rate"):
                variable.assign(np.zeros(variable.shape, variable.dtype))
        fit(model, callbacks)
        np.testing.assert_allclose(weights_of(model), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("steps_per_execution", [1, 5])
def test_factor_of_a_schedule_acts_without_another_trace(steps_per_execution):
    schedule = optimizers.schedules.InverseTimeDecay(0.1, 10, 1.0)
    model = counting_model(optimizers.SGD(schedule, momentum=0.5))
    model.compile(
        model.optimizer,
        "mse",
        jit_compile=JIT,
        steps_per_execution=steps_per_execution,
    )
    # Never good enough: each epoch but the first halves the rate from its end on.
    scheduler = PerformanceScheduler("loss", min_delta=100.0, patience=1)
    factors = np.repeat(0.5 ** np.arange(EPOCHS), BATCHES)
    factors = np.concatenate([np.ones(BATCHES), factors])[:STEPS]
    rates = 0.1 / (1 + np.arange(STEPS) / 10) * factors
    expected = reference(model, oracles.SGD(), rates, np.full(STEPS, 0.5))
    fit(model, [scheduler])
    np.testing.assert_allclose(weights_of(model), expected, rtol=0, atol=1e-6)
    assert scheduler.multiplier == 0.5 ** (EPOCHS - 1)
    once_each = STEPS if NAME == "torch" else 2 * steps_per_execution
    assert 0 < model.traces <= once_each


@only_on("torch", because="elsewhere a proxy becomes a tensor of the step")
def test_plain_number_of_a_step_acts_as_one_and_compares_as_another():
    import torch

    from keras_extras.backends.torch.step_value import StepValue

    number = StepValue(0.0, 0.9)
    assert number
    assert number == 0.9 != StepValue(0.9, 0.0)
    assert number > 0
    assert not number <= 0
    assert 0.5 < number < 1.0
    assert number >= 0.9
    assert {number: 1}[0.9] == 1
    assert 1 - number == 1.0
    values = [torch.ones(2), torch.ones(3)]
    torch._foreach_mul_(values, StepValue(0.25, 0.9))
    assert [v.tolist() for v in values] == [[0.25] * 2, [0.25] * 3]


@only_on("torch", because="it is about torch's compiler")
def test_compiled_step_of_torch_has_the_values_of_each_update():
    rates, momenta = oracles.book(STEPS, 0.05)
    model = linear_model(optimizers.SGD(momentum=0.9), jit_compile=True)
    expected = reference(model, oracles.SGD(), rates, momenta)
    fit(model, [OneCycleScheduler(max_rate=0.05)])
    np.testing.assert_allclose(weights_of(model), expected, rtol=0, atol=1e-6)


@only_on("jax", because="elsewhere the question does not arise")
def test_flax_is_refused_before_training(monkeypatch):
    monkeypatch.setattr(keras.config, "is_nnx_enabled", lambda: True)
    model = linear_model(optimizers.SGD(0.05))
    before = weights_of(model)
    with pytest.raises(NotImplementedError, match="without Flax NNX only"):
        fit(model, [OneCycleScheduler(max_rate=0.05, verbose=0)])
    np.testing.assert_array_equal(weights_of(model), before)
