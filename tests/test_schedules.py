"""Curves are what their closed forms say, at every step."""

import subprocess
import sys

import keras
import numpy as np
import oracles
import pytest
from golden_one_cycle import GOLDEN

from keras_extras import schedules

OneCycle, OneCycleMomentum = schedules.OneCycle, schedules.OneCycleMomentum


def assert_close(ours, theirs):
    assert np.shape(ours) == np.shape(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=3e-6)


@pytest.mark.parametrize("steps", [10, 57, 100, 1001])
def test_one_cycle_is_that_of_the_book(steps):
    rates, momenta = oracles.book(steps, 0.05)
    assert_close(OneCycle(steps, max_rate=0.05).values(steps), rates)
    assert_close(OneCycleMomentum(steps).values(steps), momenta)


def test_one_cycle_of_the_book_with_every_argument():
    given = {"start_rate": 0.02, "last_iterations": 30, "last_rate": 1e-6}
    rates, _ = oracles.book(100, 0.5, start=0.02, last_steps=30, last=1e-6)
    assert_close(OneCycle(100, 0.5, **given).values(100), rates)


@pytest.mark.parametrize(("anneal", "phases"), GOLDEN)
def test_one_cycle_is_that_of_torch(anneal, phases):
    golden = GOLDEN[anneal, phases]
    shape = {"anneal": anneal, "phases": phases, "preset": "torch"}
    assert_close(OneCycle(20, 0.1, **shape).values(20), golden["rates"])
    assert_close(OneCycleMomentum(20, **shape).values(20), golden["momenta"])


@pytest.mark.parametrize(("anneal", "phases"), GOLDEN)
@pytest.mark.parametrize("steps", [20, 333])
def test_closed_form_of_torch(steps, anneal, phases):
    rates, momenta = oracles.torch(steps, 0.1, phases, anneal == "cosine")
    if steps == 20:
        np.testing.assert_allclose(rates, GOLDEN[anneal, phases]["rates"], rtol=1e-8)
    shape = {"anneal": anneal, "phases": phases, "preset": "torch"}
    assert_close(OneCycle(steps, 0.1, **shape).values(steps), rates)
    assert_close(OneCycleMomentum(steps, **shape).values(steps), momenta)


def test_torch_is_the_preset_with_two_cosine_phases():
    assert_close(
        OneCycle(20, 0.1, preset="torch").values(20), GOLDEN["cosine", 2]["rates"]
    )


@pytest.mark.parametrize("steps", [13, 200])
def test_one_cycle_is_that_of_fastai(steps):
    rates, momenta = oracles.fastai(steps, 0.3)
    assert_close(OneCycle(steps, 0.3, preset="fastai").values(steps), rates)
    assert_close(OneCycleMomentum(steps, preset="fastai").values(steps), momenta)


@pytest.mark.parametrize("steps", [13, 200])
def test_one_cycle_is_that_of_optax(steps):
    rates = oracles.optax(steps, 0.3)
    assert_close(OneCycle(steps, 0.3, preset="optax").values(steps), rates)


def test_last_rate_keeps_its_digits():
    last = OneCycle(1000, 1.0, last_rate=1e-12).at([1000])[0]
    np.testing.assert_allclose(last, 1e-12, rtol=1e-6)


def test_ends_hold():
    curve = OneCycle(100, 0.1)
    np.testing.assert_array_equal(curve.at([-5]), curve.at([0]))
    np.testing.assert_array_equal(curve.at([100, 500]), curve.at([100, 100]))


@pytest.mark.parametrize("staircase", [False, True])
def test_exponential(staircase):
    t = np.arange(50) / 7
    expected = 0.3 * 0.2 ** (np.floor(t) if staircase else t)
    curve = schedules.Exponential(0.3, 7, 0.2, staircase)
    assert_close(curve.values(50), expected)
    keras_own = keras.optimizers.schedules.ExponentialDecay(0.3, 7, 0.2, staircase)
    assert_close(curve.values(50), [float(keras_own(i)) for i in range(50)])


def test_power():
    expected = 0.3 / (1 + np.arange(50) / 7) ** 1.5
    assert_close(schedules.Power(0.3, 7, 1.5).values(50), expected)


def test_piecewise_constant_changes_at_each_boundary():
    curve = schedules.PiecewiseConstant([3, 5], [0.3, 0.2, 0.1])
    assert_close(curve.values(7), [0.3, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1])
    assert_close(schedules.PiecewiseConstant([], [0.3]).values(2), [0.3, 0.3])


@pytest.mark.parametrize("anneal", ["linear", "cosine"])
def test_interpolation(anneal):
    nodes, values = [2, 5.5, 9], [0.1, 0.4, 0.0]
    curve = schedules.Interpolation(nodes, values, anneal)
    expected = [
        oracles.through(nodes, values, anneal == "cosine", t) for t in range(12)
    ]
    np.testing.assert_allclose(curve.values(12), expected, rtol=1e-6, atol=1e-8)


def test_curves_that_keras_has():
    own = keras.optimizers.schedules
    line = schedules.Polynomial(0.1, 20, power=2.0)
    wave = schedules.Cosine(0.0, 20, warmup_target=0.2, warmup_steps=5)
    theirs = own.PolynomialDecay(0.1, 20, power=2.0)
    assert_close(line.values(25), [float(theirs(t)) for t in range(25)])
    theirs = own.CosineDecay(0.0, 20, warmup_target=0.2, warmup_steps=5)
    assert_close(wave.values(25), [float(theirs(t)) for t in range(25)])


def test_join_starts_each_curve_anew():
    parts = [
        keras.optimizers.schedules.PolynomialDecay(0.2, 4, 0.1),
        schedules.Exponential(0.5, 3, 0.1),
    ]
    joined = schedules.Join(parts, [6]).values(10)
    expected = [float(parts[0](t)) for t in range(6)]
    assert_close(joined, [*expected, *parts[1].values(4)])


def test_warmup_rises_to_where_the_curve_starts():
    curve = schedules.Warmup(schedules.Power(0.4, 10), 4, start=0.1)
    rising = [0.1, 0.175, 0.25, 0.325]
    assert_close(curve.values(9), [*rising, *schedules.Power(0.4, 10).values(5)])


@pytest.mark.parametrize("warmup", [0, 1, 7])
def test_linear_to_zero(warmup):
    curve = schedules.LinearToZero(0.3, 50, warmup)
    assert_close(curve.values(50), 0.3 * oracles.linear_to_zero(50, warmup))
    assert np.min(curve.values(50)) > 0
    np.testing.assert_array_equal(curve.at([50, 51, 1000]), 0)
    # The last values keep their digits in a long training.
    last = schedules.LinearToZero(1.0, 1_000_000).at([999_999])
    np.testing.assert_allclose(last, 1e-6, rtol=1e-6)


@pytest.mark.parametrize("shape", ["linear", "cosine", "1-sqrt"])
@pytest.mark.parametrize("warmup", [0, 7])
def test_warmup_stable_decay(warmup, shape):
    curve = schedules.WarmupStableDecay(0.3, 50, warmup, 0.3, shape)
    expected = 0.3 * oracles.warmup_stable_decay(50, warmup, 0.3, shape)
    np.testing.assert_allclose(curve.values(50), expected, rtol=2e-6)
    assert np.sum(np.isclose(expected, 0.3)) == 50 - 15 - warmup + 1
    np.testing.assert_array_equal(curve.at([50, 51, 1000]), 0)
    long = schedules.WarmupStableDecay(1.0, 10**6, 0, 0.5, shape)
    last = {"linear": 2e-6, "cosine": (np.pi * 1e-6) ** 2, "1-sqrt": 1e-6}[shape]
    np.testing.assert_allclose(long.at([10**6 - 1]), last, rtol=1e-5)


def test_inverse_square_root():
    curve = schedules.InverseSquareRoot(0.3, 7)
    assert_close(curve.values(100), 0.3 * oracles.inverse_square_root(100, 7))
    assert curve.at([6])[0] == pytest.approx(0.3)


@pytest.mark.parametrize("warmup", [0, 4])
@pytest.mark.parametrize(("t_mul", "m_mul"), [(1.0, 1.0), (2.0, 0.5), (1.5, 0.9)])
def test_warm_restarts(t_mul, m_mul, warmup):
    curve = schedules.WarmRestarts(0.3, 7, t_mul, m_mul, 0.003, warmup)
    expected = oracles.warm_restarts(100, 0.3, 7, t_mul, m_mul, 0.003, warmup)
    np.testing.assert_allclose(curve.values(100), expected, rtol=2e-6)
    if warmup == 0 and t_mul != 1.5:  # of whole steps, which Keras does not round
        keras_own = keras.optimizers.schedules.CosineDecayRestarts(
            0.3, 7, t_mul, m_mul, alpha=0.0
        )
        ours = schedules.WarmRestarts(0.3, 7, t_mul, m_mul)
        theirs = [float(keras_own(i)) for i in range(6)]
        assert_close(ours.values(6), theirs)


def test_late_cycles_begin_on_their_step():
    curve = schedules.WarmRestarts(0.1, 3)
    begins = 3 * (2 ** np.arange(29) - 1)
    np.testing.assert_allclose(curve.at(begins), 0.1, rtol=1e-6)
    assert np.all(curve.at(begins[1:] - 1) < 0.03)
    all_alike = schedules.WarmRestarts(0.1, 1000, t_mul=1.0)
    np.testing.assert_allclose(all_alike.at([0, 10**9]), 0.1, rtol=1e-6)


CURVES = [
    OneCycle(50, 0.1),
    OneCycle(50, 0.1, 0.05, None, 1e-5, "linear", 0.4, 2, "torch"),
    OneCycleMomentum(50, 0.9, 0.8, 9, preset="book"),
    schedules.Exponential(0.1, 10, 0.5, True),
    schedules.Power(0.1, 10, 2.0),
    schedules.PiecewiseConstant([5, 9], [0.3, 0.2, 0.1]),
    schedules.Polynomial(0.1, 10),
    schedules.Cosine(0.1, 10),
    schedules.Interpolation([0, 5], [0.0, 1.0], "cosine"),
    schedules.Warmup(keras.optimizers.schedules.CosineDecay(0.1, 20), 5),
    schedules.Join([schedules.Cosine(0.1, 10), schedules.Power(0.1, 10)], [10]),
    schedules.LinearToZero(0.1, 50, 7),
    schedules.WarmupStableDecay(0.1, 50, 7, 0.3, "cosine"),
    schedules.InverseSquareRoot(0.1, 9),
    schedules.WarmRestarts(0.1, 5, 1.5, 0.5, 0.01, 3),
]


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: type(curve).__name__)
def test_curve_survives_saving_as_a_learning_rate(curve):
    optimizer = keras.optimizers.SGD(curve)
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    copy = again._learning_rate
    assert type(copy) is type(curve)
    assert copy.get_config() == curve.get_config()
    np.testing.assert_array_equal(copy.values(60), curve.values(60))
    assert float(again.learning_rate) == pytest.approx(curve.at([0])[0])


def test_plot_shows_what_happens():
    curve = OneCycle(5000, 0.1)
    figure = curve.plot(5000)
    (line,) = figure.data
    assert line.x[0] == 0
    assert line.x[-1] == 4999
    assert np.max(line.y) == pytest.approx(0.1, rel=1e-2)
    np.testing.assert_array_equal(line.y, curve.at(line.x))


WITHOUT_PLOTLY = """
import sys
sys.modules["plotly"] = None
from keras_extras.schedules import Power
try:
    Power(0.1, 10).plot(10)
except ImportError as error:
    print("message:", error)
"""


def test_plot_without_plotly_says_what_to_install():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PLOTLY],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "pip install plotly" in done.stdout


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OneCycle(0, 0.1), "`iterations` must be an integer >= 1"),
        (lambda: OneCycle(10.5, 0.1), "`iterations` must be an integer >= 1"),
        (lambda: OneCycle(100, 0.0), "`max_rate` must be a number > 0"),
        (lambda: OneCycle(100, float("nan")), "`max_rate` must be a number > 0"),
        (lambda: OneCycle(100, "0.1"), "`max_rate` must be a number > 0"),
        (lambda: OneCycle(100, 0.1, -0.1), "`start_rate` must be a number > 0"),
        (lambda: OneCycle(100, 0.1, 0.2), "`start_rate` must not exceed `max_rate`"),
        (lambda: OneCycle(100, 0.1, last_rate=-1), "`last_rate` must be a number >= 0"),
        (lambda: OneCycle(2, 0.1), "at least one step for each of 3 phases"),
        (lambda: OneCycle(3, 0.1, preset="torch"), "at least one step for each of 2"),
        (
            lambda: OneCycle(100, 0.1, last_iterations=99),
            "at least one step for each of 3 phases",
        ),
        (
            lambda: OneCycle(100, 0.1, last_iterations=10, preset="fastai"),
            "`last_iterations` needs `phases=3`",
        ),
        (lambda: OneCycle(100, 0.1, rise=1.0), "`rise` must be a number above 0 and"),
        (lambda: OneCycle(100, 0.1, phases=4), "`phases` must be one of None, 2, 3"),
        (lambda: OneCycle(100, 0.1, anneal="cos"), "`anneal` must be one of None, "),
        (lambda: OneCycle(100, 0.1, preset="x"), "`preset` must be one of 'book'"),
        (lambda: OneCycleMomentum(100, 1.0), "`max_momentum` must be a number >= 0"),
        (lambda: OneCycleMomentum(100, 0.8, 0.9), "must not exceed `max_momentum`"),
        (lambda: schedules.Exponential(-1, 10), "`initial` must be a number > 0"),
        (
            lambda: schedules.Exponential(1, 0),
            "`decay_steps` must be a number of steps",
        ),
        (lambda: schedules.Power(1, 10, 0), "`power` must be a number > 0"),
        (
            lambda: schedules.PiecewiseConstant([5, 5], [1, 2, 3]),
            "each greater than the one before",
        ),
        (
            lambda: schedules.PiecewiseConstant([5], [1, 2, 3]),
            "one more than `boundaries`",
        ),
        (lambda: schedules.PiecewiseConstant([5], [1, -2]), "numbers >= 0"),
        (lambda: schedules.Interpolation([0], [1]), "at least two"),
        (lambda: schedules.Interpolation([0, 5], [1]), "one for each"),
        (lambda: schedules.Join([schedules.Power(1, 1)], [5]), "one more than"),
        (lambda: schedules.Warmup(0.1, 5), "must be a curve"),
        (lambda: schedules.LinearToZero(0, 10), "`peak` must be a number > 0"),
        (lambda: schedules.LinearToZero(1, 0), "`total_steps` must be an integer"),
        (lambda: schedules.LinearToZero(1, 5, 5), "`warmup_steps` must be less than"),
        (
            lambda: schedules.WarmupStableDecay(1, 10, 9),
            "`total_steps` minus the cooldown, less than ",
        ),
        (
            lambda: schedules.WarmupStableDecay(1, 10, shape="sqrt"),
            "`shape` must be one of '1-sqrt'",
        ),
        (
            lambda: schedules.WarmupStableDecay(1, 10, cooldown=1.5),
            "`cooldown` must be a number above 0 and below 1",
        ),
        (lambda: schedules.InverseSquareRoot(1, 0), "`warmup_steps` must be an int"),
        (lambda: schedules.WarmRestarts(1, 0), "`first_steps` must be an integer"),
        (lambda: schedules.WarmRestarts(1, 9, 0.5), "`t_mul` must be a number from 1"),
        (lambda: schedules.WarmRestarts(1, 9, 1.0001), "`t_mul` must be 1, or so"),
        (lambda: schedules.WarmRestarts(1, 9, m_mul=2), "`m_mul` must be a number"),
        (lambda: schedules.WarmRestarts(1, 9, last=2), "`last` must be a number >= 0"),
        (lambda: schedules.Power(1, 10).plot(0), "`total_steps` must be an integer"),
    ],
)
def test_bad_argument_is_named(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "Received: " in str(caught.value)


NAN = float("nan")
RATES = [NAN, float("inf"), -0.1, "high", None]
# Every curve, with the arguments that hold values.
VALUED = {
    "Cosine": ({"initial_learning_rate": 0.1, "decay_steps": 9}, ["alpha"]),
    "Exponential": ({"initial": 0.1, "decay_steps": 9}, ["initial"]),
    "Interpolation": ({"steps": [0, 9], "values": [0.1, 0.2]}, ["values"]),
    "InverseSquareRoot": ({"peak": 0.1, "warmup_steps": 2}, ["peak"]),
    "LinearToZero": ({"peak": 0.1, "total_steps": 9}, ["peak"]),
    "OneCycle": ({"iterations": 9, "max_rate": 0.1}, ["max_rate"]),
    "OneCycleMomentum": ({"iterations": 9}, ["max_momentum", "min_momentum"]),
    "PiecewiseConstant": ({"boundaries": [5], "values": [0.1, 0.2]}, ["values"]),
    "Polynomial": (
        {"initial_learning_rate": 0.1, "decay_steps": 9},
        ["initial_learning_rate", "end_learning_rate", "power", "decay_steps"],
    ),
    "Power": ({"initial": 0.1, "decay_steps": 9}, ["initial", "power"]),
    "WarmRestarts": ({"peak": 0.1, "first_steps": 9}, ["peak", "last", "m_mul"]),
    "WarmupStableDecay": ({"peak": 0.1, "total_steps": 9}, ["peak"]),
    "Warmup": (
        {"curve": schedules.Power(0.1, 9), "warmup_steps": 2},
        ["start"],
    ),
}
VALUED["Cosine"][1].extend(["initial_learning_rate", "decay_steps", "warmup_steps"])


def test_every_curve_is_walked():
    assert {*VALUED, "Curve", "Join"} == set(schedules.__all__)


@pytest.mark.parametrize("name", VALUED)
def test_what_is_no_rate_is_refused_by_name(name):
    needed, valued = VALUED[name]
    for argument in valued:
        for bad in RATES:
            value = [bad, 0.1] if argument == "values" else bad
            with pytest.raises(ValueError, match=f"`{argument}`.*Received"):
                getattr(schedules, name)(**{**needed, argument: value})
    if name == "Cosine":
        with pytest.raises(ValueError, match="`warmup_target`"):
            schedules.Cosine(**needed, warmup_target=-0.5, warmup_steps=4)
