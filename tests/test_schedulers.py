"""Rates and momenta act on each step as the oracles say, whatever runs the step."""

import functools
import itertools

import keras
import numpy as np
import oracles
import pytest
from backend_in_use import JIT
from backend_in_use import NAME

from keras_extras.callbacks import ExponentialDecayScheduler
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import HyperparameterScheduler
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler
from keras_extras.callbacks import PiecewiseConstantScheduler
from keras_extras.callbacks import PowerScheduler
from keras_extras.schedules import Interpolation

optimizers = keras.optimizers
BATCH, BATCHES, EPOCHS = 4, 10, 4
STEPS = BATCHES * EPOCHS


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH * BATCHES, 3)).astype("float32")
    return x, (x @ [[1.0], [-2.0], [0.5]] + 0.3).astype("float32")


def linear_model(optimizer, **compile_arguments):
    """Returns a model with two variables whose gradient NumPy can compute."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    arguments = {"jit_compile": JIT, **compile_arguments}
    model.compile(optimizer, "mse", **arguments)
    return model


def fit(model, callbacks, epochs=EPOCHS, **arguments):
    x, y = data()
    return model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
        **arguments,
    )


def weights_of(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


def reference(model, optimizer, rates, momenta, each=1):
    """Returns the weights that the NumPy `optimizer` trains from those of `model`."""
    weights = weights_of(model).astype("float64")
    x, y = data()
    x = np.hstack([x, np.ones((len(x), 1))])
    gradients = []
    for batch in range(len(rates) * each):
        rows = slice(batch % BATCHES * BATCH, (batch % BATCHES + 1) * BATCH)
        error = x[rows] @ weights - y[rows, 0]
        gradients.append(2 * x[rows].T @ error / BATCH)
        if len(gradients) == each:
            step = batch // each
            weights = optimizer.step(
                weights, np.mean(gradients, axis=0), rates[step], momenta[step]
            )
            gradients = []
    return weights


# Name: the optimizer, its oracle, and the highest rate.
OPTIMIZERS = {
    "sgd": (lambda **k: optimizers.SGD(momentum=0.9, **k), oracles.SGD(), 0.05),
    "nesterov": (
        lambda **k: optimizers.SGD(momentum=0.9, nesterov=True, **k),
        oracles.SGD(nesterov=True),
        0.05,
    ),
    "adam": (optimizers.Adam, oracles.Adam(), 0.1),
    "adamw": (
        lambda **k: optimizers.AdamW(weight_decay=0.1, **k),
        oracles.Adam(decay=0.1),
        0.1,
    ),
    "nadam": (optimizers.Nadam, oracles.Nadam(), 0.1),
    "adamax": (optimizers.Adamax, oracles.Adamax(), 0.1),
    "rmsprop": (
        lambda **k: optimizers.RMSprop(momentum=0.9, **k),
        oracles.RMSprop(),
        0.02,
    ),
    "lion": (optimizers.Lion, oracles.Lion(), 0.05),
}


def several(make):
    """Two optimizers, one for the kernel and one for the bias."""
    both = optimizers.OptimizerMap(make(name="rest"), {".*kernel": make(name="first")})
    return optimizers.MultiOptimizer(both)


def scaled(make):
    return optimizers.LossScaleOptimizer(make(), initial_scale=4.0)


WRAPPED = {"plain": lambda make: make(), "scaled": scaled, "several": several}


def covering():
    """Returns settings in which each two values of different settings meet.

    Of the optimizer, its wrapping, XLA, steps per execution, batches per update.
    """
    rows = []
    for place, name in enumerate(OPTIMIZERS):
        xla, five, two = place % 3, place // 3, (place + place // 3) % 3
        for column, wrapping in enumerate(WRAPPED):
            five_steps, two_batches = column == five, column == two
            chosen = column == xla, 5 if five_steps else 1, 2 if two_batches else 1
            rows.append((name, wrapping, *chosen))
    return rows


def test_each_two_settings_meet():
    columns = list(zip(*covering()))
    for one, other in itertools.combinations(columns, 2):
        possible = set(itertools.product(set(one), set(other)))
        assert set(zip(one, other)) == possible
    assert [len(set(column)) for column in columns] == [8, 3, 2, 2, 2]


def assert_follows_the_book(name, wrapping, each, **arguments):
    make, oracle, top = OPTIMIZERS[name]
    if each > 1:
        make = functools.partial(make, gradient_accumulation_steps=each)
    rates, momenta = oracles.book(STEPS // each, top)
    model = linear_model(WRAPPED[wrapping](make), **arguments)
    expected = reference(model, fresh(oracle), rates, momenta, each)
    constant = reference(model, fresh(oracle), rates, 0 * momenta + 0.9, each)
    fit(model, [OneCycleScheduler(max_rate=top)])
    np.testing.assert_allclose(weights_of(model), expected, rtol=2e-4, atol=2e-5)
    # A reference that a constant momentum meets as well would show nothing.
    assert np.max(np.abs(constant - expected)) > 1e-3


def fresh(oracle):
    return type(oracle)(**oracle.constants)


@pytest.mark.parametrize(("name", "wrapping", "xla", "steps", "each"), covering())
def test_weights_follow_the_cycled_reference(name, wrapping, xla, steps, each):
    if (NAME, name, wrapping) == ("jax", "nadam", "scaled"):
        pytest.skip("Keras on JAX: Nadam forgets its product in a LossScaleOptimizer")
    # The compiler of torch takes minutes where XLA takes moments, and so does JAX
    # without it: `test_steering` has both. Keras has one step per execution on torch.
    assert_follows_the_book(
        name,
        wrapping,
        each,
        jit_compile=xla if NAME == "tensorflow" else JIT,
        steps_per_execution=1 if NAME == "torch" else steps,
    )


@pytest.mark.parametrize("name", ["nesterov", "adam"])
def test_weights_follow_the_cycled_reference_in_eager_mode(name):
    assert_follows_the_book(name, "plain", 1, run_eagerly=True)


@pytest.mark.parametrize(
    ("preset", "momentum"), [("torch", True), ("fastai", True), ("optax", False)]
)
def test_weights_follow_other_curves(preset, momentum):
    rates = {
        "torch": oracles.torch(STEPS, 0.05, 2, True)[0],
        "fastai": oracles.fastai(STEPS, 0.05)[0],
        "optax": oracles.optax(STEPS, 0.05),
    }[preset]
    momenta = {
        "torch": oracles.torch(STEPS, 0.05, 2, True)[1],
        "fastai": oracles.fastai(STEPS, 0.05)[1],
        "optax": np.full(STEPS, 0.9),
    }[preset]
    model = linear_model(optimizers.SGD(momentum=0.9))
    expected = reference(model, oracles.SGD(), rates, momenta)
    scheduler = OneCycleScheduler(
        max_rate=0.05, preset=preset, cycle_momentum="auto" if momentum else False
    )
    fit(model, [scheduler])
    np.testing.assert_allclose(weights_of(model), expected, rtol=2e-4, atol=2e-5)


class Reads(keras.callbacks.Callback):
    """Reads rate and momentum before each batch, as a user would."""

    def __init__(self):
        super().__init__()
        self.rates, self.momenta = [], []

    def on_train_batch_begin(self, batch, logs=None):
        optimizer = self.model.optimizer
        name = "beta_1" if hasattr(optimizer, "beta_1") else "momentum"
        self.rates.append(float(optimizer.learning_rate))
        self.momenta.append(float(getattr(optimizer, name)))


def test_what_callbacks_read_is_what_acts():
    rates, momenta = oracles.book(STEPS, 0.05)
    read = Reads()
    model = linear_model(optimizers.SGD(momentum=0.9))
    fit(model, [OneCycleScheduler(max_rate=0.05), read])
    np.testing.assert_allclose(read.rates, rates, rtol=1e-5)
    np.testing.assert_allclose(read.momenta, momenta, rtol=1e-6)


def test_hyperparameter_logger_sees_the_cycle():
    rates, momenta = oracles.book(STEPS, 0.05)
    logger = HyperparameterLogger()
    model = linear_model(optimizers.SGD(momentum=0.9))
    fit(model, [logger, OneCycleScheduler(max_rate=0.05)])
    np.testing.assert_allclose(logger.history.learning_rate, rates, rtol=1e-5)
    np.testing.assert_allclose(logger.history.momentum, momenta, rtol=1e-6)


def momentum_sgd(rate=0.1, **arguments):
    return optimizers.SGD(rate, momentum=0.9, **arguments)


# Name: the callback, the optimizer, and what changes from epoch to epoch.
LOGGED = {
    "cycle": (
        lambda: OneCycleScheduler(max_rate=0.05),
        momentum_sgd,
        {"learning_rate", "momentum"},
    ),
    "cycle_accumulating": (
        lambda: OneCycleScheduler(max_rate=0.05),
        lambda: momentum_sgd(gradient_accumulation_steps=2),
        {"learning_rate", "momentum"},
    ),
    "cycle_of_beta": (
        lambda: OneCycleScheduler(max_rate=0.05),
        optimizers.Adam,
        {"learning_rate", "momentum"},
    ),
    "exponential": (
        lambda: ExponentialDecayScheduler(15),
        momentum_sgd,
        {"learning_rate"},
    ),
    "power": (lambda: PowerScheduler(15), momentum_sgd, {"learning_rate"}),
    "piecewise": (
        lambda: PiecewiseConstantScheduler([10, 20], [0.1, 0.05, 0.01]),
        momentum_sgd,
        {"learning_rate"},
    ),
    "plateau": (
        lambda: PerformanceScheduler("loss", min_delta=100.0, patience=1),
        momentum_sgd,
        {"learning_rate"},
    ),
    # It lowers the rate between the last step of an epoch and the end of it.
    "plateau_at_steps": (
        lambda: PerformanceScheduler(every=10, min_delta=100.0, patience=1),
        momentum_sgd,
        {"learning_rate"},
    ),
    "plateau_on_a_schedule": (
        lambda: PerformanceScheduler(every=10, min_delta=100.0, patience=1),
        lambda: momentum_sgd(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
        {"learning_rate"},
    ),
    "hyperparameter": (
        lambda: HyperparameterScheduler("momentum", Interpolation([0, 30], [0.1, 0.9])),
        momentum_sgd,
        {"momentum"},
    ),
}


@pytest.mark.parametrize("name", LOGGED)
def test_history_has_what_acted_on_the_last_step_of_each_epoch(name):
    make, make_optimizer, changing = LOGGED[name]
    model, read = linear_model(make_optimizer()), Reads()
    history = fit(model, [make(), read], epochs=3).history
    ends = slice(BATCHES - 1, None, BATCHES)
    np.testing.assert_allclose(history["learning_rate"], read.rates[ends], rtol=1e-6)
    np.testing.assert_allclose(history["momentum"], read.momenta[ends], rtol=1e-6)
    moving = {k for k in ("learning_rate", "momentum") if len(set(history[k])) > 1}
    assert moving == changing


def test_history_names_each_of_several_optimizers():
    model = linear_model(several(OPTIMIZERS["sgd"][0]))
    history = fit(model, [OneCycleScheduler(max_rate=0.05)], epochs=1).history
    assert {"learning_rate_first", "momentum_rest"} <= set(history)


def test_plain_sgd_gets_the_rate_alone_and_advice(capsys):
    rates, _ = oracles.book(STEPS, 0.05)
    model = linear_model(optimizers.SGD())
    expected = reference(model, oracles.SGD(), rates, np.zeros(STEPS))
    history = fit(model, [OneCycleScheduler(max_rate=0.05)]).history
    np.testing.assert_allclose(weights_of(model), expected, rtol=2e-4, atol=2e-5)
    assert "momentum" not in history
    (line,) = capsys.readouterr().out.strip().splitlines()
    assert "SGD(momentum=0.95)" in line


def test_advice_can_be_turned_off(capsys):
    fit(linear_model("sgd"), [OneCycleScheduler(max_rate=0.05, verbose=0)], epochs=1)
    assert capsys.readouterr().out == ""


def test_momentum_that_is_not_cycled_stays():
    rates, _ = oracles.book(STEPS, 0.05)
    model = linear_model(optimizers.SGD(momentum=0.8))
    expected = reference(model, oracles.SGD(), rates, np.full(STEPS, 0.8))
    fit(model, [OneCycleScheduler(max_rate=0.05, cycle_momentum=False)])
    np.testing.assert_allclose(weights_of(model), expected, rtol=2e-4, atol=2e-5)


def test_schedule_free_optimizer_keeps_its_beta():
    read = HyperparameterLogger()
    model = linear_model(optimizers.ScheduleFreeAdamW(beta_1=0.8))
    fit(model, [OneCycleScheduler(max_rate=0.05, verbose=0), read], epochs=1)
    np.testing.assert_allclose(read.history.beta_1, 0.8, rtol=1e-6)


DECAYS = {
    "exponential": (
        lambda: ExponentialDecayScheduler(15, 0.3),
        lambda t: 0.1 * 0.3 ** (t / 15),
    ),
    "staircase": (
        lambda: ExponentialDecayScheduler(15, 0.3, staircase=True),
        lambda t: 0.1 * 0.3 ** (t // 15),
    ),
    "power": (lambda: PowerScheduler(15, 2.0), lambda t: 0.1 / (1 + t / 15) ** 2),
    "piecewise": (
        lambda: PiecewiseConstantScheduler([7, 20], [0.1, 0.05, 0.01]),
        lambda t: np.select([t < 7, t < 20], [0.1, 0.05], 0.01),
    ),
}


@pytest.mark.parametrize(
    ("name", "steps_per_execution"),
    [("exponential", 5), ("staircase", 1), ("power", 1), ("piecewise", 5)],
)
def test_decay_acts_on_every_step(name, steps_per_execution):
    make, expected = DECAYS[name]
    rates = expected(np.arange(STEPS))
    model = linear_model(optimizers.SGD(0.1), steps_per_execution=steps_per_execution)
    weights = reference(model, oracles.SGD(), rates, np.zeros(STEPS))
    logger = HyperparameterLogger()
    fit(model, [make(), logger])
    np.testing.assert_allclose(logger.history.learning_rate, rates, rtol=1e-5)
    np.testing.assert_allclose(weights_of(model), weights, rtol=2e-4, atol=2e-5)


def test_decay_goes_on_in_a_second_fit():
    read = Reads()
    model = linear_model(optimizers.SGD(0.1))
    for _ in range(2):
        fit(model, [ExponentialDecayScheduler(15), read], epochs=1)
    expected = 0.1 * 0.1 ** (np.arange(2 * BATCHES) / 15)
    np.testing.assert_allclose(read.rates, expected, rtol=1e-5)


def test_decay_lowers_a_schedule_that_is_there():
    schedule = optimizers.schedules.InverseTimeDecay(0.2, 10, 1.0)
    read = Reads()
    model = linear_model(optimizers.SGD(schedule))
    fit(model, [ExponentialDecayScheduler(15), read])
    t = np.arange(STEPS)
    expected = 0.2 / (1 + t / 10) * 0.1 ** (t / 15)
    np.testing.assert_allclose(read.rates, expected, rtol=1e-5)


def test_decay_and_cycle_act_together_in_either_order():
    rates, _ = oracles.book(STEPS, 0.05)
    expected = rates * 0.1 ** (np.arange(STEPS) / 15)
    for turn in (1, -1):
        cycle = OneCycleScheduler(max_rate=0.05, verbose=0)
        both = [cycle, ExponentialDecayScheduler(15)][::turn]
        read = Reads()
        fit(linear_model(optimizers.SGD(0.1)), [*both, read])
        np.testing.assert_allclose(read.rates, expected, rtol=1e-5)


HYPERPARAMETERS = [
    ("momentum", lambda: optimizers.SGD(0.05, momentum=0.5), 0.1, 0.9),
    ("beta_1", lambda: optimizers.Adam(0.05), 0.5, 0.9),
    ("beta_2", lambda: optimizers.Adam(0.05), 0.5, 0.999),
    ("weight_decay", lambda: optimizers.AdamW(0.05), 0.0, 0.5),
    ("rho", lambda: optimizers.RMSprop(0.05), 0.5, 0.9),
    ("epsilon", lambda: optimizers.Adam(0.05), 0.1, 1.0),
    ("clipnorm", lambda: optimizers.SGD(0.05, clipnorm=1.0), 0.1, 2.0),
    ("global_clipnorm", lambda: optimizers.SGD(0.05, global_clipnorm=1.0), 0.1, 2.0),
    ("clipvalue", lambda: optimizers.SGD(0.05, clipvalue=1.0), 0.1, 2.0),
    ("learning_rate", lambda: optimizers.SGD(0.05), 0.01, 0.2),
    (
        "ema_momentum",
        lambda: optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5),
        0.1,
        0.99,
    ),
]


class SetsEagerly(keras.callbacks.Callback):
    """Sets an attribute on each batch, which eager execution obeys."""

    def __init__(self, name, curve):
        super().__init__()
        self.name, self.curve = name, curve

    def on_train_batch_begin(self, batch, logs=None):
        optimizer = self.model.optimizer
        value = float(self.curve(optimizer.iterations))
        setattr(optimizer, self.name, value)


@pytest.mark.parametrize(("name", "make", "first", "last"), HYPERPARAMETERS)
def test_any_hyperparameter_acts_as_it_does_in_eager_mode(name, make, first, last):
    curve = Interpolation([0, BATCHES], [first, last])
    ours = linear_model(make())
    fit(ours, [HyperparameterScheduler(name, curve)], epochs=1)
    eager = linear_model(make(), run_eagerly=True)
    start = eager.get_weights()
    fit(eager, [SetsEagerly(name, curve)], epochs=1)
    np.testing.assert_allclose(weights_of(ours), weights_of(eager), rtol=1e-5)
    eager.set_weights(start)
    eager.compile(make(), "mse", run_eagerly=True)
    fit(eager, [], epochs=1)
    assert np.max(np.abs(weights_of(ours) - weights_of(eager))) > 1e-4


class TwoUpdates(keras.Model):
    """Applies the optimizer twice in a step."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.dense(x)

    def train_step(self, *arguments):
        first = super().train_step(*arguments)
        if NAME == "jax":  # the state goes from one to the other
            arguments = first[1], arguments[1]
        return super().train_step(*arguments)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_each_of_two_updates_in_a_step_has_its_own_values(run_eagerly):
    rates, momenta = oracles.book(2 * STEPS, 0.05)
    keras.utils.set_random_seed(1)
    model = TwoUpdates()
    model.compile(
        optimizers.SGD(momentum=0.9), "mse", jit_compile=JIT, run_eagerly=run_eagerly
    )
    x, _ = data()
    model.build((None, 3))
    weights = weights_of(model).astype("float64")
    x1, y = np.hstack([x, np.ones((len(x), 1))]), data()[1]
    oracle = oracles.SGD()
    for update in range(2 * STEPS):
        batch = update // 2 % BATCHES
        rows = slice(batch * BATCH, (batch + 1) * BATCH)
        gradient = 2 * x1[rows].T @ (x1[rows] @ weights - y[rows, 0]) / BATCH
        weights = oracle.step(weights, gradient, rates[update], momenta[update])
    fit(model, [OneCycleScheduler(2 * STEPS, max_rate=0.05)])
    np.testing.assert_allclose(weights_of(model), weights, rtol=2e-4, atol=2e-5)


def test_second_fit_starts_a_new_cycle():
    rates, _ = oracles.book(STEPS, 0.05)
    read = Reads()
    model = linear_model(optimizers.SGD(momentum=0.9))
    scheduler = OneCycleScheduler(max_rate=0.05)
    fit(model, [scheduler, read])
    fit(model, [scheduler, read])
    np.testing.assert_allclose(read.rates, [*rates, *rates], rtol=1e-5)


def test_cycle_of_given_length_and_begin():
    read = Reads()
    model = linear_model(optimizers.SGD(momentum=0.9))
    fit(model, [OneCycleScheduler(20, max_rate=0.05, start=10), read], epochs=3)
    rates, _ = oracles.book(20, 0.05)
    expected = [*[rates[0]] * 10, *rates]
    np.testing.assert_allclose(read.rates, expected, rtol=1e-5)


def test_past_the_end_the_last_value_holds_with_one_warning():
    read = Reads()
    model = linear_model(optimizers.SGD(momentum=0.9))
    with pytest.warns(UserWarning, match="past the end of the schedule") as caught:
        fit(model, [OneCycleScheduler(15, max_rate=0.05), read])
    assert sum(warning.category is UserWarning for warning in caught) == 1
    np.testing.assert_allclose(read.rates[15:], 5e-6, rtol=1e-5)


def test_length_is_known_from_a_dataset_and_from_steps_per_epoch():
    x, y = data()
    rates, _ = oracles.book(12, 0.05)

    def rows():
        while True:
            yield x[:4], y[:4]

    model = linear_model(optimizers.SGD(momentum=0.9))
    read = Reads()
    model.fit(
        rows(),
        steps_per_epoch=6,
        shuffle=False,
        epochs=2,
        verbose=0,
        callbacks=[OneCycleScheduler(max_rate=0.05), read],
    )
    np.testing.assert_allclose(read.rates, rates, rtol=1e-5)


def test_length_that_fit_cannot_know_is_asked_for():
    x, y = data()

    def rows():
        yield x[:4], y[:4]

    model = linear_model(optimizers.SGD(momentum=0.9))
    before = weights_of(model)
    with pytest.raises(ValueError, match="`iterations` must be given where `fit`"):
        model.fit(
            rows(),
            shuffle=False,
            verbose=0,
            callbacks=[OneCycleScheduler(max_rate=0.05)],
        )
    np.testing.assert_array_equal(weights_of(model), before)


@pytest.mark.parametrize(
    ("make", "optimizer", "message"),
    [
        (
            lambda: [OneCycleScheduler(max_rate=0.1, cycle_momentum=True)],
            optimizers.SGD,
            "`cycle_momentum=True` needs an optimizer",
        ),
        (
            lambda: [OneCycleScheduler(max_rate=0.1, cycle_momentum=True)],
            optimizers.Adagrad,
            "`cycle_momentum=True` needs an optimizer",
        ),
        (
            lambda: [OneCycleScheduler(2, max_rate=0.1, verbose=0)],
            optimizers.SGD,
            None,
        ),
        (
            lambda: [HyperparameterScheduler("momentum", lambda t: 0.9)],
            optimizers.SGD,
            "compiled without it",
        ),
        (
            lambda: [HyperparameterScheduler("momentun", lambda t: 0.9)],
            optimizers.SGD,
            "SGD has: ema_momentum, learning_rate, momentum",
        ),
        (
            lambda: [HyperparameterScheduler("weight_decay", lambda t: 0.9)],
            optimizers.SGD,
            "with value None",
        ),
        (
            lambda: [
                OneCycleScheduler(max_rate=0.1, verbose=0),
                PiecewiseConstantScheduler([], [0.1]),
            ],
            optimizers.SGD,
            "OneCycleScheduler and PiecewiseConstantScheduler, which both set it",
        ),
        (
            lambda: [ExponentialDecayScheduler(10, restore=False)],
            lambda: optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 10)),
            "`restore=False` needs an optimizer whose learning rate is a number",
        ),
    ],
)
def test_bad_input_is_named_and_nothing_is_trained(make, optimizer, message):
    model = linear_model(optimizer())
    before = weights_of(model)
    with pytest.raises(ValueError, match=message or "at least one step for each"):
        fit(model, make())
    np.testing.assert_array_equal(weights_of(model), before)
    fit(model, [], epochs=1)
    assert np.any(weights_of(model) != before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OneCycleScheduler(), "`max_rate` must be a number > 0"),
        (lambda: OneCycleScheduler(100), "`max_rate` must be a number > 0"),
        (lambda: OneCycleScheduler(max_rate=0), "`max_rate` must be a number > 0"),
        (
            lambda: OneCycleScheduler(max_rate=0.1, start_rate=0.2),
            "`start_rate` must not exceed `max_rate`",
        ),
        (lambda: OneCycleScheduler(0, 0.1), "`iterations` must be an integer >= 1"),
        (lambda: OneCycleScheduler(5, 0.1, start=-1), "`start` must be an integer"),
        (
            lambda: OneCycleScheduler(max_rate=0.1, cycle_momentum="yes"),
            "`cycle_momentum` must be one of 'auto', True, False",
        ),
        (
            lambda: ExponentialDecayScheduler(0),
            "`decay_steps` must be a number of steps",
        ),
        (lambda: PowerScheduler(-1), "`decay_steps` must be a number of steps"),
        (
            lambda: PiecewiseConstantScheduler([5, 3], [1, 2, 3]),
            "`boundaries` must be a list of numbers >= 0, each greater",
        ),
        (lambda: PiecewiseConstantScheduler([5], [1, 0]), "numbers > 0"),
        (lambda: HyperparameterScheduler("", lambda t: t), "`name` must be the name"),
        (lambda: HyperparameterScheduler("rho", 0.9), "`curve` must be a function"),
    ],
)
def test_bad_argument_is_named(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "Received: " in str(caught.value)


def test_model_without_an_optimizer():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(loss="mse", optimizer=None)
    scheduler = OneCycleScheduler(max_rate=0.1)
    scheduler.set_model(model)
    with pytest.raises(ValueError, match="compiled with an optimizer"):
        scheduler.on_train_begin()
