"""What cannot go well is refused when training starts, with the remedy."""

import keras
import numpy as np
import oracles
import pytest
from backend_in_use import only_on
from test_schedulers import BATCH
from test_schedulers import EPOCHS
from test_schedulers import STEPS
from test_schedulers import data
from test_schedulers import fit
from test_schedulers import linear_model
from test_schedulers import reference
from test_schedulers import weights_of

from keras_extras.callbacks import CooldownAtStop
from keras_extras.callbacks import ExponentialDecayScheduler
from keras_extras.callbacks import FreezeUnfreeze
from keras_extras.callbacks import HyperparameterScheduler
from keras_extras.callbacks import InverseSquareRootScheduler
from keras_extras.callbacks import LearningRateFinder
from keras_extras.callbacks import LinearToZeroScheduler
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler
from keras_extras.callbacks import PiecewiseConstantScheduler
from keras_extras.callbacks import RecoverFromNaN
from keras_extras.callbacks import WarmupStableDecayScheduler

optimizers = keras.optimizers
OURS = {
    "OneCycleScheduler": lambda: OneCycleScheduler(max_rate=0.05),
    "ExponentialDecayScheduler": lambda: ExponentialDecayScheduler(15),
    "PerformanceScheduler": lambda: PerformanceScheduler("loss"),
    "HyperparameterScheduler": lambda: HyperparameterScheduler(
        "learning_rate", lambda step: 0.1
    ),
    "LearningRateFinder": LearningRateFinder,
}
THEIRS = {
    "ReduceLROnPlateau": (
        lambda: keras.callbacks.ReduceLROnPlateau("loss"),
        "Take `keras_extras.callbacks.PerformanceScheduler`",
    ),
    "LearningRateScheduler": (
        lambda: keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        "Leave one of them out",
    ),
}


def assert_refused(model, callbacks, *messages):
    """Says so before anything is trained, and leaves the model as it was."""
    before = weights_of(model)
    with pytest.raises(ValueError, match="Received") as caught:
        fit(model, callbacks, epochs=1)
    for message in messages:
        assert message in str(caught.value)
    np.testing.assert_array_equal(weights_of(model), before)
    fit(model, [], epochs=1)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("ours", "theirs"), [*zip(OURS, [*THEIRS] * 3)])
def test_two_drivers_of_the_rate_are_named_with_the_remedy(ours, theirs, order):
    make, remedy = THEIRS[theirs]
    model = linear_model(optimizers.SGD(0.1, momentum=0.9))
    assert_refused(model, [OURS[ours](), make()][::order], ours, theirs, remedy)


def test_two_curves_of_one_value_are_named_with_the_remedy():
    model = linear_model(optimizers.SGD(0.1, momentum=0.9))
    both = [OneCycleScheduler(max_rate=0.1), PiecewiseConstantScheduler([], [0.1])]
    named = [type(each).__name__ for each in both]
    assert_refused(model, both, *named, "Leave one of them out")


TWICE = {
    "line_twice": ([LinearToZeroScheduler] * 2, "Leave one of them out"),
    "two_shapes": (
        [lambda: ExponentialDecayScheduler(9), LinearToZeroScheduler],
        "the product of both",
    ),
    "cycle_and_line": (
        [OURS["OneCycleScheduler"], LinearToZeroScheduler],
        "Leave one of them out",
    ),
    "curve_and_line": (
        [OURS["HyperparameterScheduler"], LinearToZeroScheduler],
        "Leave one of them out",
    ),
    "cooldown_twice": ([lambda: CooldownAtStop("loss")] * 2, "Leave one of them out"),
    "recovery_twice": ([RecoverFromNaN] * 2, "Leave one of them out"),
    "plateau_twice": ([OURS["PerformanceScheduler"]] * 2, "Leave one of them out"),
    **{
        f"cooldown_and_{name}": (
            [lambda: CooldownAtStop("loss"), make],
            "out where the training may end sooner, else CooldownAtStop",
        )
        for name, make in [
            ("cycle", OURS["OneCycleScheduler"]),
            ("line", LinearToZeroScheduler),
            ("stable", WarmupStableDecayScheduler),
        ]
    },
}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("pair", TWICE)
def test_what_would_be_multiplied_unseen(pair, order):
    makes, remedy = TWICE[pair]
    both = [make() for make in makes][::order]
    model = linear_model(optimizers.SGD(0.1, momentum=0.9))
    before = weights_of(model)
    with pytest.raises(ValueError, match=remedy) as caught:
        fit(model, both, epochs=1)
    assert all(type(each).__name__ in str(caught.value) for each in both)
    np.testing.assert_array_equal(weights_of(model), before)


@pytest.mark.parametrize("make", [LinearToZeroScheduler, OURS["PerformanceScheduler"]])
def test_the_same_object_twice(make):
    callback = make()
    with pytest.raises(ValueError, match=r"the same .*Scheduler twice"):
        fit(linear_model(optimizers.SGD(0.1)), [callback] * 2, epochs=1)


def test_what_is_meant_to_be_multiplied():
    together = [
        InverseSquareRootScheduler(5),
        CooldownAtStop("loss", verbose=0),
        RecoverFromNaN(),
        PerformanceScheduler("loss"),
        PerformanceScheduler("val_loss", every=5),
        HyperparameterScheduler("momentum", lambda step: 0.5),
    ]
    history = fit(linear_model(optimizers.SGD(0.1, momentum=0.9)), together, epochs=1)
    assert history.history["learning_rate"][-1] < 0.1


@pytest.mark.parametrize("order", [1, -1])
def test_a_sweep_beside_a_scheduler(order):
    model = linear_model(optimizers.SGD(0.1))
    both = [LearningRateFinder(), ExponentialDecayScheduler(15)][::order]
    named = [type(each).__name__ for each in both]
    assert_refused(model, both, *named, "Leave one of them out")


def test_stages_with_rates_beside_a_schedule_of_keras():
    model = linear_model(optimizers.SGD(0.1))
    stages = FreezeUnfreeze(1, learning_rate=0.01)
    theirs = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    assert_refused(model, [stages, theirs], "`learning_rate`", "LearningRateScheduler")


def test_plateau_of_keras_beside_what_leaves_the_rate_alone():
    curve = HyperparameterScheduler("momentum", lambda step: 0.5)
    plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=100.0)
    model = linear_model(optimizers.SGD(0.1, momentum=0.9))
    history = fit(model, [curve, plateau], epochs=3)
    assert history.history["learning_rate"][-1] < 0.05


def gain(true, predicted):
    return keras.ops.mean(true * predicted)


def model_with_gain(metric=gain):
    return linear_model(optimizers.SGD(0.01), metrics=[metric])


def test_unknown_direction_asks_for_the_mode():
    callback = PerformanceScheduler("val_gain")
    assert_refused(model_with_gain(), [callback], 'mode="max"', "val_gain")


@pytest.mark.parametrize(("mode", "lowered"), [("max", False), ("min", True)])
def test_mode_decides_for_an_unknown_metric(mode, lowered):
    x, y = data()
    model = model_with_gain(keras.metrics.MeanMetricWrapper(gain, "gain"))
    callback = PerformanceScheduler("gain", mode=mode, patience=1, min_delta=0.0)
    history = model.fit(
        x, y, batch_size=BATCH, epochs=3, verbose=0, callbacks=[callback]
    ).history
    assert history["gain"] == sorted(history["gain"])
    assert (history["learning_rate"][-1] < 0.009) is lowered


def test_direction_that_keras_knows_is_known_before_the_first_batch():
    metric = keras.metrics.R2Score(name="explained")
    history = fit(model_with_gain(metric), [PerformanceScheduler("explained")])
    assert "explained" in history.history


@pytest.mark.parametrize(
    ("name", "curve", "received"),
    [
        (
            "learning_rate",
            lambda step: keras.ops.sqrt(
                0.1 - keras.ops.cast(step, "float32") / (10 * (STEPS - 1.5))
            ),
            f"nan at step {STEPS - 1}",
        ),
        (
            "learning_rate",
            optimizers.schedules.ExponentialDecay(0.1, 1, 60),
            "at step ",
        ),
        ("learning_rate", lambda step: -0.1, "-0.1 at step 0"),
        ("learning_rate", lambda step: 1e6, "1e+06 at step 0"),
        ("momentum", lambda step: 1.5, "1.5 at step 0"),
        ("momentum", lambda step: float("inf"), "inf at step 0"),
    ],
)
def test_curve_is_checked_over_the_whole_training(name, curve, received):
    model = linear_model(optimizers.SGD(0.1, momentum=0.9))
    before = weights_of(model)
    with pytest.raises(ValueError, match="`curve` must give finite") as caught:
        fit(model, [HyperparameterScheduler(name, curve)])
    assert received in str(caught.value)
    assert f"`{name}`" in str(caught.value)
    np.testing.assert_array_equal(weights_of(model), before)


def test_curve_may_end_with_the_training():
    def curve(step):
        return keras.ops.sqrt(0.01 * (STEPS - keras.ops.cast(step, "float32")))

    model = linear_model(optimizers.SGD(0.1))
    fit(model, [HyperparameterScheduler("learning_rate", curve)])
    assert np.isfinite(weights_of(model)).all()


@only_on(
    "tensorflow", because="Keras meets the end of the data before a step elsewhere"
)
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("steps_per_execution", [1, 3])
@pytest.mark.parametrize("wrap", [lambda o: o, optimizers.LossScaleOptimizer])
def test_data_of_unknown_length_count_the_steps_that_were_applied(
    wrap, steps_per_execution, recwarn
):
    import tensorflow as tf

    rates, momenta = oracles.book(STEPS, 0.05)
    model = linear_model(
        wrap(optimizers.SGD(momentum=0.9)), steps_per_execution=steps_per_execution
    )
    expected = reference(model, oracles.SGD(), rates, momenta)
    rows = tf.data.Dataset.from_tensor_slices(data())
    unknown = rows.filter(lambda x, y: True).batch(BATCH)
    history = model.fit(
        unknown,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[OneCycleScheduler(STEPS, max_rate=0.05)],
    )
    assert int(model.optimizer.iterations) == STEPS
    np.testing.assert_allclose(weights_of(model), expected, rtol=2e-4, atol=2e-5)
    last = np.arange(1, EPOCHS + 1) * STEPS // EPOCHS - 1
    np.testing.assert_allclose(history.history["learning_rate"], rates[last], 1e-5)
    assert not [w for w in recwarn if "OneCycle" in str(w.message)]
