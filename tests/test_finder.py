"""The finder sees true losses, suggests what fastai does, and leaves nothing."""

import copy
import random

import keras
import models
import numpy as np
import pytest
from backend_in_use import NAME
from backend_in_use import batches_of
from backend_in_use import draw_of_the_backend
from backend_in_use import gradients_of
from tensorboard.backend.event_processing import event_accumulator

import keras_extras
from keras_extras.callbacks import LearningRateFinder
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.finder import LearningRateSweep
from keras_extras.finder import rules

optimizers = keras.optimizers


def find(model, x, y, **arguments):
    given = {"steps": 40, "min_rate": 1e-4, "batch_size": models.BATCH, **arguments}
    return keras_extras.find_learning_rate(model, x, y, **given)


# Rates of 1e-4 to 1, whose logarithms are 0.1 apart, and losses that fall, then rise.
RATES = 10 ** np.linspace(-4, 0, 41)
CURVE = 1 + 0.5 * np.tanh(-3 * (np.log10(RATES) + 2)) + 40 * RATES**3


def test_valley_is_the_middle_of_the_longest_fall():
    lowest = int(CURVE.argmin())
    assert (np.diff(CURVE[: lowest + 1]) < 0).all()
    length = lowest + 1
    expected = RATES[lowest - length + int(length / 3) + int(length / 3 / 2)]
    assert rules.valley(RATES, CURVE) == pytest.approx(expected)


def test_valley_skips_points_out_of_line():
    noisy = CURVE.copy()
    noisy[[5, 11]] += 5.0
    lowest = int(CURVE.argmin())
    length = lowest + 1 - 2
    expected = RATES[lowest - length + int(length / 3) + int(length / 3 / 2)]
    assert rules.valley(RATES, noisy) == pytest.approx(expected)


def test_minimum_is_a_tenth_of_the_lowest():
    assert rules.minimum(RATES, CURVE) == pytest.approx(RATES[CURVE.argmin()] / 10)


def test_steep_is_where_the_slope_is_lowest():
    assert rules.steep(RATES, CURVE) == pytest.approx(1e-2, rel=0.3)


def test_slide_is_left_of_where_slopes_agree():
    rates = np.arange(1.0, 41.0)
    flat_then_steep = np.where(rates < 20, 0.0, (rates - 20) ** 2)
    slopes = np.gradient(flat_then_steep)
    right, left, expected = 39, 24, 24
    while left >= 0 and abs(slopes[right] - slopes[left]) > 0.005:
        expected, right, left = left, right - 1, left - 1
    assert rules.slide(rates, flat_then_steep) == rates[expected]
    assert rates[expected] < 20
    assert rules.slide(rates, np.ones(40)) == rates[24]


def turn_of_the_curve():
    lowest = int(CURVE.argmin())
    gained = np.median(CURVE[:4]) - CURVE[lowest]
    return RATES[lowest:][CURVE[lowest:] > CURVE[lowest] + gained / 4][0]


def test_edge_is_half_a_decade_below_the_turn():
    assert rules.edge(RATES, CURVE) == pytest.approx(turn_of_the_curve() / 10**0.5)


def test_edge_is_the_same_where_the_sweep_begins_earlier_or_single_batches_differ():
    rates = np.concatenate([10 ** np.linspace(-8, -4.1, 40), RATES])
    losses = np.concatenate([np.full(40, CURVE[0]), CURVE])
    losses[::9] += 5.0
    expected = turn_of_the_curve() / 10**0.5
    assert rules.edge(rates, losses) == pytest.approx(expected, rel=0.3)


def test_edge_of_a_trained_model_is_above_the_noise():
    noise = np.random.default_rng(0).normal(scale=0.1, size=41)
    flat_then_steep = 1.0 + noise + np.maximum(RATES / 0.1, 1.0) ** 2 - 1.0
    assert 0.02 < rules.edge(RATES, flat_then_steep) < 0.1


def test_edge_of_a_sweep_that_ends_before_the_turn():
    assert rules.edge(RATES, -RATES) == pytest.approx(RATES[-1] / 10**0.5)


def test_sweep_smooths_without_a_bias_at_its_start():
    sweep = LearningRateSweep(RATES, np.full(41, 3.0), 0.98, 41, "valley")
    np.testing.assert_allclose(sweep.smoothed, 3.0)


def test_suggestions_leave_out_both_ends():
    losses = CURVE.copy()
    losses[0] = 100.0
    losses[-1] = -100.0
    sweep = LearningRateSweep(RATES, losses, 0.0, 41, "minimum")
    assert sweep.suggestion == pytest.approx(RATES[CURVE.argmin()] / 10)
    assert set(sweep.suggestions) == set(rules.NAMES)


def test_too_few_points_suggest_nothing():
    assert LearningRateSweep(RATES[:9], CURVE[:9], 0.9, 41, "steep").suggestion is None


def test_plot_and_notebook_recommend_one_rate():
    sweep = LearningRateSweep(RATES, CURVE, 0.0, 41, "edge")
    figure = sweep.plot()
    assert figure.layout.xaxis.type == "log"
    np.testing.assert_allclose(figure.data[1].y, CURVE, rtol=1e-3)
    assert figure.data[-1].x == pytest.approx([sweep.suggestion])
    shown = sweep._repr_html_()
    assert f"learning_rate={sweep.suggestion:.3g}" in shown
    assert shown.count("<circle") == 1
    assert all(rule in shown for rule in sweep.suggestions)


def test_notebook_shows_a_sweep_that_ended_too_soon():
    assert "too few" in LearningRateSweep([1e-3], [1.0], 0.0, 41, "edge")._repr_html_()
    assert "No points" in LearningRateSweep([], [], 0.0, 41, "edge")._repr_html_()


def replayed_losses(rates, **arguments):
    """Returns the loss of each batch at each rate, trained one by one."""
    model, x, y = models.make("sequential_mlp", **arguments)
    losses, targets = [], keras.ops.convert_to_tensor(y)
    for step, rate in enumerate(rates):
        batch = step % 5
        rows = slice(8 * batch, 8 * batch + 8)
        model.optimizer.learning_rate = rate

        def loss(part=rows):
            predicted = model(x[part], training=True)
            return keras.ops.mean(keras.ops.square(predicted - targets[part]))

        losses.append(float(keras.ops.convert_to_numpy(loss())))
        gradients = gradients_of(loss, model.trainable_variables)
        gradients = [keras.ops.convert_to_tensor(g) for g in gradients]
        model.optimizer.apply(gradients, model.trainable_variables)
    return losses


@pytest.mark.parametrize("mode", ["exponential", "linear"])
def test_losses_are_those_of_the_batches(mode):
    model, x, y = models.make("sequential_mlp")
    sweep = find(model, x, y, shuffle=False, mode=mode, max_rate=0.1)
    space = np.geomspace if mode == "exponential" else np.linspace
    np.testing.assert_allclose(sweep.rates, space(1e-4, 0.1, 40), rtol=1e-5)
    np.testing.assert_allclose(sweep.losses, replayed_losses(sweep.rates), rtol=1e-4)


def test_running_mean_would_be_another_loss():
    model, x, y = models.make("sequential_mlp")
    sweep = find(model, x, y, shuffle=False, max_rate=0.1)
    means = np.concatenate(
        [np.cumsum(epoch) / np.arange(1, 6) for epoch in sweep.losses.reshape(8, 5)]
    )
    assert np.max(np.abs(means - sweep.losses)) > 0.1


def test_stops_when_the_loss_explodes():
    model, x, y = models.make("sequential_mlp")
    sweep = find(model, x, y, max_rate=1e4, steps=60, smoothing=0.9, shuffle=False)
    assert 10 < len(sweep.rates) < 60
    assert sweep.smoothed[-1] > 4 * sweep.smoothed[:-1].min()


def test_stops_at_nan_and_keeps_what_came_before():
    model, x, y = models.make("sequential_mlp")
    sweep = find(model, x, y, max_rate=1e4, steps=60, stop_factor=None)
    assert 10 < len(sweep.rates) < 60
    assert np.isfinite(sweep.losses).all()
    assert all(np.isfinite(w).all() for w in model.get_weights())


def schedule():
    return optimizers.schedules.ExponentialDecay(0.05, 10, 0.5)


CASES = {
    "sgd": ("sequential_mlp", lambda: optimizers.SGD(0.05, momentum=0.9), {}),
    "adam": ("sequential_mlp", lambda: optimizers.Adam(0.05), {}),
    "nadam": ("sequential_mlp", lambda: optimizers.Nadam(0.05), {}),
    "schedule": ("sequential_mlp", lambda: optimizers.Adam(schedule()), {}),
    "dropout_and_batch_norm": ("functional_cnn", lambda: optimizers.SGD(0.05), {}),
    "unbuilt": ("unbuilt_sequential", lambda: optimizers.Adam(0.05), {}),
    "own_train_step": ("own_train_step", lambda: optimizers.Adam(0.05), {}),
    "metrics": ("sequential_mlp", lambda: optimizers.SGD(0.05), {"metrics": ["mae"]}),
    "moving_average": (
        "sequential_mlp",
        lambda: optimizers.SGD(0.05, use_ema=True),
        {},
    ),
    "several_steps_per_execution": (
        "sequential_mlp",
        lambda: optimizers.SGD(0.05),
        {"steps_per_execution": 2},
    ),
    "accumulating": (
        "sequential_mlp",
        lambda: optimizers.SGD(0.05, gradient_accumulation_steps=2),
        {},
    ),
    "loss_scale": (
        "functional_cnn",
        lambda: optimizers.LossScaleOptimizer(optimizers.Adam(schedule())),
        {},
    ),
}


def train(name, make_optimizer, arguments, sweep, trained):
    model, x, y = models.make(name, optimizer=make_optimizer(), **arguments)
    fit = lambda: model.fit(x, y, batch_size=models.BATCH, epochs=2, verbose=0)
    if trained:
        fit()
    if sweep:
        # In an order of its own for each backend single losses are far apart.
        found = find(model, x, y, max_rate=1.0, stop_factor=100.0)
        assert len(found.rates) > 10
    logs = fit().history
    drawn = random.random(), np.random.random(), draw_of_the_backend()
    drawn += (float(keras.random.uniform(())),)
    state = [np.array(v) for v in (*model.variables, *model.optimizer.variables)]
    return state, logs, drawn


NOT_TRAINED_BEFORE = {"adam", "unbuilt", "own_train_step", "metrics", "loss_scale"}
if NAME != "tensorflow":
    # Keras looks at a batch to build it, and never again without a compiled loss.
    NOT_TRAINED_BEFORE.remove("own_train_step")
if NAME == "jax":
    # Keras cannot `fit` it again: weights and averages have the same memory after
    # the first, which a step then donates twice.
    NOT_TRAINED_BEFORE.add("moving_average")


@pytest.mark.parametrize("case", CASES)
def test_training_afterwards_is_the_same_bit_for_bit(case):
    trained = case not in NOT_TRAINED_BEFORE
    plain = train(*CASES[case], sweep=False, trained=trained)
    swept = train(*CASES[case], sweep=True, trained=trained)
    assert swept[1:] == plain[1:]
    for ours, theirs in zip(swept[0], plain[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_mixed_precision():
    states = []
    for sweep in (False, True):
        keras.config.set_dtype_policy("mixed_float16")
        try:
            state, _, _ = train(
                "sequential_mlp", lambda: optimizers.Adam(0.05), {}, sweep, False
            )
        finally:
            keras.config.set_dtype_policy("float32")
        states.append(state)
    for ours, theirs in zip(*states, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_one_point_of_several_steps():
    model, x, y = models.make("sequential_mlp", steps_per_execution=5)
    sweep = find(model, x, y, steps=20, max_rate=0.1, shuffle=False)
    losses = replayed_losses(np.repeat(sweep.rates, 5))
    sizes = np.tile([8, 8, 8, 8, 4], 20)
    expected = (losses * sizes).reshape(20, 5).sum(axis=1) / 36
    np.testing.assert_allclose(sweep.losses, expected, rtol=1e-4)


def test_dataset():
    model, x, y = models.make("sequential_mlp")
    dataset = batches_of(x, y, size=models.BATCH)
    sweep = keras_extras.find_learning_rate(
        model, dataset, min_rate=1e-4, max_rate=0.1, steps=40, shuffle=False
    )
    np.testing.assert_allclose(sweep.losses, replayed_losses(sweep.rates), rtol=1e-4)


def test_model_is_left_as_it_was():
    model, x, y = models.make("sequential_mlp")
    model.fit(x, y, verbose=0)
    before = dict(vars(model))
    rate = model.optimizer._learning_rate
    find(model, x, y)
    assert model.optimizer._learning_rate is rate
    assert model.history is before["history"]
    assert model.train_function is before["train_function"]
    assert model.stop_training is before["stop_training"]
    assert set(vars(model)) == set(before)


class Trouble(Exception):
    pass


def test_exception_in_the_sweep_leaves_nothing_behind():
    class Fails(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 7:
                raise Trouble

    model, x, y = models.make("functional_cnn", optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    before = [np.array(v) for v in (*model.variables, *model.optimizer.variables)]
    with pytest.raises(Trouble):
        find(model, x, y, callbacks=[Fails()])
    after = [np.array(v) for v in (*model.variables, *model.optimizer.variables)]
    for ours, theirs in zip(after, before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_sweep_can_be_seen_in_tensorboard(tmp_path):
    model, x, y = models.make("sequential_mlp")
    sweep = find(model, x, y, log_dir=str(tmp_path), shuffle=False)
    events = event_accumulator.EventAccumulator(str(tmp_path)).Reload()
    curves = {
        "learning_rate": sweep.rates,
        "loss": sweep.losses,
        "smoothed_loss": sweep.smoothed,
    }
    for name, values in curves.items():
        written = events.Scalars(f"learning_rate_finder/{name}")
        assert [event.step for event in written] == list(range(len(values)))
        np.testing.assert_allclose([e.value for e in written], values, rtol=1e-5)


def test_callback_turns_a_fit_into_a_sweep():
    model, x, y = models.make("sequential_mlp")
    before = model.get_weights()
    finder = copy.deepcopy(LearningRateFinder(1e-4, 0.1, steps=30))
    model.fit(
        x,
        y,
        batch_size=models.BATCH,
        epochs=9,
        shuffle=False,
        verbose=0,
        callbacks=[finder],
    )
    assert len(finder.sweep.rates) == 30
    for ours, theirs in zip(model.get_weights(), before):
        np.testing.assert_array_equal(ours, theirs)


def test_too_short_a_fit_is_reported():
    model, x, y = models.make("sequential_mlp")
    finder = LearningRateFinder()
    with pytest.warns(UserWarning, match="5 of steps=300"):
        model.fit(x, y, batch_size=models.BATCH, verbose=0, callbacks=[finder])
    assert finder.sweep.suggestion is None


def test_suggestion_trains():
    model, x, y = models.make("sequential_mlp", optimizer="adam")
    sweep = find(model, x, y, steps=100, shuffle=False)
    scheduler = OneCycleScheduler(max_rate=sweep.suggestion)
    history = model.fit(x, y, epochs=20, verbose=0, callbacks=[scheduler]).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_rate": 0}, "`min_rate` must be a number > 0"),
        ({"max_rate": -1}, "`max_rate` must be a number > 0"),
        ({"min_rate": 1.0, "max_rate": 0.1}, "must be less than `max_rate`"),
        ({"steps": 1}, "`steps` must be an integer >= 2"),
        ({"mode": "log"}, "`mode` must be one of 'exponential', 'linear'"),
        ({"smoothing": 1.0}, "`smoothing` must be a number >= 0"),
        ({"stop_factor": 1}, "`stop_factor` must be a number > 1, or None"),
        ({"rule": "best"}, "`rule` must be one of 'edge', 'valley', 'slide'"),
    ],
)
def test_bad_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        LearningRateFinder(**arguments)
    assert "Received: " in str(caught.value)
