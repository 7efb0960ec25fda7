"""However a training ends, the rate has come down to zero by then."""

import os
import signal

import keras
import numpy as np
import oracles
import pytest
from backend_in_use import NAME
from test_schedulers import BATCHES
from test_schedulers import Reads
from test_schedulers import data
from test_schedulers import fit
from test_schedulers import linear_model
from test_schedulers import momentum_sgd
from test_schedulers import reference
from test_schedulers import weights_of
from test_schedulers_restart import Kill
from test_schedulers_restart import Killed
from test_schedulers_restart import Records

from keras_extras.callbacks import CooldownAtStop
from keras_extras.callbacks import InverseSquareRootScheduler
from keras_extras.callbacks import training_clock

RATE = 0.01


def cooling(constant, steps, shape="1-sqrt"):
    """Rates of so many steps at one value, then of the cooldown."""
    shares = oracles.warmup_stable_decay(steps, 0, 1 - 1e-9, shape)
    return RATE * np.array([*[1.0] * constant, *shares])


def stop(monitor="loss", **arguments):
    return CooldownAtStop(monitor, **{"verbose": 0, **arguments})


def never_better(patience, **arguments):
    return stop(patience=patience, min_delta=1e6, **arguments)


def rates_of(callback, epochs=4, model=None, **arguments):
    read = Reads()
    model = model or linear_model(momentum_sgd(RATE), **arguments)
    fit(model, [callback, read], epochs=epochs)
    return read.rates


@pytest.mark.parametrize("shape", ["1-sqrt", "linear", "cosine"])
def test_the_end_of_the_epochs_is_cooled_down_to(shape):
    callback = stop(cooldown=0.25, shape=shape, patience=None)
    rates = rates_of(callback)
    np.testing.assert_allclose(rates, cooling(30, 10, shape), rtol=1e-5)
    assert callback.stopped_by == "epochs"


def test_out_of_patience():
    callback = never_better(2, cooldown=0.25)
    rates = rates_of(callback, epochs=20)
    # The first epoch is an improvement: three epochs, then a quarter of all.
    np.testing.assert_allclose(rates, cooling(30, 10), rtol=1e-5)
    assert callback.stopped_by == "patience"


def test_less_is_left_than_the_cooldown_wants():
    rates = rates_of(never_better(2, cooldown=0.4), epochs=6)
    np.testing.assert_allclose(rates, cooling(30, 20), rtol=1e-5)
    rates = rates_of(never_better(2, cooldown=0.4), epochs=5)
    np.testing.assert_allclose(rates, cooling(30, 20), rtol=1e-5)


def test_step_limit_ends_in_the_middle_of_an_epoch():
    callback = stop(step_limit=25, cooldown=0.2, patience=None)
    np.testing.assert_allclose(rates_of(callback), cooling(20, 5), rtol=1e-5)
    assert callback.stopped_by == "step_limit"


class Ticks(keras.callbacks.Callback):
    """Lets ten seconds pass in the first step, which compiles, and one in others."""

    now = 0.0

    def on_train_batch_end(self, batch, logs=None):
        self.now += 1.0 if self.now else 10.0


@pytest.mark.parametrize(("limit", "constant", "falling"), [(30, 16, 5), (11, 2, 1)])
def test_time_limit_is_one_of_steps_that_do_not_compile(
    monkeypatch, limit, constant, falling
):
    ticks, callback = Ticks(), stop(time_limit=limit, cooldown=0.25, patience=None)
    monkeypatch.setattr(training_clock, "monotonic", lambda: ticks.now)
    read = Reads()
    fit(linear_model(momentum_sgd(RATE)), [ticks, callback, read], epochs=5)
    assert callback.stopped_by == "time_limit"
    np.testing.assert_allclose(read.rates, cooling(constant, falling), rtol=1e-5)


class Interrupts(keras.callbacks.Callback):
    """Presses Ctrl-C at the begin of batches."""

    def __init__(self, *batches):
        super().__init__()
        self.batches, self.count = batches, 0

    def on_train_batch_begin(self, batch, logs=None):
        self.count += 1
        if self.count - 1 in self.batches:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def interrupts_are_heard():
    """They are not in a program that a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts_are_heard")
def test_first_interrupt_cools_down_and_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    callback, read = stop(cooldown=0.25, patience=None), Reads()
    model = linear_model(momentum_sgd(RATE))
    fit(model, [Interrupts(15), callback, read], epochs=20)
    assert callback.stopped_by == "interrupt"
    np.testing.assert_allclose(read.rates, cooling(15, 5), rtol=1e-5)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("interrupts_are_heard")
def test_second_interrupt_ends_at_once():
    before = signal.getsignal(signal.SIGINT)
    read = Reads()
    model = linear_model(momentum_sgd(RATE))
    with pytest.raises(KeyboardInterrupt):
        fit(model, [Interrupts(15, 17), stop(patience=None), read], epochs=20)
    assert len(read.rates) == 17
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("interrupts_are_heard")
def test_interrupts_may_be_left_alone():
    model = linear_model(momentum_sgd(RATE))
    with pytest.raises(KeyboardInterrupt):
        fit(model, [Interrupts(3), stop(interrupt=False)])


# How the step runs: how the optimizer is made, and arguments of `compile`.
SETTINGS = {
    "plain": (momentum_sgd, 1, {}),
    "eager": (momentum_sgd, 1, {"run_eagerly": True}),
    "xla": (momentum_sgd, 1, {"jit_compile": NAME != "torch"}),
    "five_at_once": (momentum_sgd, 1, {"steps_per_execution": 5}),
    "accumulating": (
        lambda rate: momentum_sgd(rate, gradient_accumulation_steps=2),
        2,
        {},
    ),
    "scaled": (
        lambda rate: keras.optimizers.LossScaleOptimizer(
            momentum_sgd(rate), initial_scale=4.0
        ),
        1,
        {},
    ),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_weights_agree_with_numpy(setting):
    make, each, arguments = SETTINGS[setting]
    model = linear_model(make(RATE), **arguments)
    rates = cooling(30 // each, 10 // each)
    momenta = np.full(len(rates), 0.9)
    expected = reference(model, oracles.SGD(), rates, momenta, each)
    callback = never_better(2, cooldown=0.25, restore_best_weights=False)
    fit(model, [callback], epochs=20)
    np.testing.assert_allclose(weights_of(model), expected, rtol=0, atol=2e-6)
    assert float(model.optimizer.learning_rate) == pytest.approx(RATE)


def test_it_acts_on_what_another_callback_gives():
    read = Reads()
    model = linear_model(momentum_sgd(RATE))
    both = [InverseSquareRootScheduler(5), never_better(1, cooldown=0.5)]
    fit(model, [*both, read], epochs=4)
    shares = oracles.inverse_square_root(40, 5)
    expected = shares * cooling(20, 20)
    np.testing.assert_allclose(read.rates, expected, rtol=1e-5)


class Says(keras.callbacks.Callback):
    """Logs given values, and remembers the weights of each epoch."""

    def __init__(self, values):
        super().__init__()
        self.values, self.weights = values, []

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = self.values[epoch]
        self.weights.append(weights_of(self.model))


@pytest.mark.parametrize(("mode", "best"), [("max", 1), ("min", 3)])
def test_it_ends_with_the_best_weights(mode, best):
    says = Says([1.0, 5.0, 2.0, 0.5])
    model = linear_model(momentum_sgd(RATE))
    fit(model, [says, stop("score", mode=mode, patience=None)])
    np.testing.assert_array_equal(weights_of(model), says.weights[best])
    assert np.any(says.weights[0] != says.weights[best])


@pytest.mark.parametrize("after", [13, 33, 37])
def test_a_killed_training_goes_on_in_its_phase(tmp_path, after):
    make = lambda: never_better(2, cooldown=0.25)
    straight, records = linear_model(momentum_sgd(RATE)), Records()
    fit(straight, [make(), records], epochs=20)
    again = Records()
    backup = lambda: keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
    with pytest.raises(Killed):
        fit(
            linear_model(momentum_sgd(RATE)),
            [make(), backup(), again, Kill(after)],
            epochs=20,
        )
    model, callback = linear_model(momentum_sgd(RATE)), make()
    fit(model, [callback, backup(), again], epochs=20)
    assert callback.stopped_by == "patience"
    assert again.seen == records.seen
    np.testing.assert_array_equal(weights_of(model), weights_of(straight))


def test_early_stopping_beside_it_is_refused():
    model = linear_model(momentum_sgd(RATE))
    before = weights_of(model)
    with pytest.raises(ValueError, match="Leave EarlyStopping out"):
        fit(model, [stop(), keras.callbacks.EarlyStopping("loss")])
    np.testing.assert_array_equal(weights_of(model), before)


def test_what_is_not_logged_is_named_once():
    model = linear_model(momentum_sgd(RATE))
    with pytest.warns(UserWarning, match="CooldownAtStop: `monitor` must be") as caught:
        fit(model, [CooldownAtStop("val_loss", verbose=0)])
    assert sum("CooldownAtStop" in str(w.message) for w in caught) == 1


def test_data_of_unknown_length():
    x, y = data()

    def rows():
        for _ in range(4 * BATCHES):
            yield x[:4], y[:4]

    read, model = Reads(), linear_model(momentum_sgd(RATE))
    callback = stop(step_limit=20, cooldown=0.5)
    model.fit(rows(), shuffle=False, verbose=0, callbacks=[callback, read])
    np.testing.assert_allclose(read.rates, cooling(10, 10), rtol=1e-5)
