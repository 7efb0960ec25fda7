"""Recorded gradients are those of the step, recomputed here with a tape."""

import functools

import keras
import models
import numpy as np
import pytest
import replay
from backend_in_use import JIT
from keras import layers

from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.constraints import apply_max_norm
from keras_extras.constraints import max_norm_for
from keras_extras.constraints import share_at_limit

optimizers = keras.optimizers
NAMES = (
    "functional_cnn",
    "nested",
    "many_inputs_and_outputs",
    "shared_layer",
    "recurrent",
    "attention",
    "embedding",
    "frozen_and_unused",
)
STATISTICS = (
    "gradient_norm",
    "gradient_mean_abs",
    "gradient_max_abs",
    "gradient_zero_fraction",
    "weight_norm",
    "update_norm",
    "update_ratio",
)
# Of Keras, in the models that have layers whose output nothing uses.
pytestmark = pytest.mark.filterwarnings("ignore:Gradients do not exist for variables")


def fit(model, x, y, callbacks, **arguments):
    arguments = {"epochs": 1, **arguments}
    model.fit(
        x,
        y,
        batch_size=models.BATCH,
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
        **arguments,
    )


def log(name="sequential_mlp", optimizer="sgd", epochs=1, logger=None, **arguments):
    """Returns the logger after training."""
    model, x, y = models.make(name, optimizer=optimizer, **arguments)
    logger = GradientLogger(every=1) if logger is None else logger
    fit(model, x, y, [logger], epochs=epochs)
    return logger


@functools.cache
def plain():
    """Returns the history of an ordinary training."""
    return log(optimizer=optimizers.SGD(0.1), epochs=2).history


@functools.cache
def recorded(name):
    """Returns what was recorded in one epoch, and what the layers had to be."""
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    model, x, y = models.make(name, optimizer=optimizer)
    snapshots, logger = replay.Snapshots(), GradientLogger(every=1)
    fit(model, x, y, [snapshots, logger])
    twin, _, _ = models.make(name)
    expected = [
        one_step(twin, logger.history.layers, *of_step)
        for of_step in zip(snapshots.before, snapshots.after, replay.batches(x, y))
    ]
    return logger.history, expected


def one_step(twin, names, before, after, batch):
    gradients = replay.gradients(twin, before, *batch)
    old = {v.path: a for v, a in zip(twin.variables, before)}
    new = {v.path: a for v, a in zip(twin.variables, after)}
    rows = [
        one_layer(replay.layer_named(twin, name), gradients, old, new) for name in names
    ]
    return {key: np.array([row[key] for row in rows]) for key in STATISTICS}


def one_layer(layer, gradients, old, new):
    paths = [v.path for v in layer.trainable_variables]
    weights = replay.flat([old[path] for path in paths])
    update = replay.flat([new[path] for path in paths]) - weights
    present = [gradients[path] for path in paths if gradients[path] is not None]
    gradient = replay.flat(present) if present else np.array([np.nan])
    zeros = np.mean(gradient == 0) if present else np.nan
    return {
        "gradient_norm": np.linalg.norm(gradient),
        "gradient_mean_abs": np.mean(np.abs(gradient)),
        "gradient_max_abs": np.max(np.abs(gradient)),
        "gradient_zero_fraction": zeros,
        "weight_norm": np.linalg.norm(weights),
        "update_norm": np.linalg.norm(update),
        "update_ratio": np.linalg.norm(update) / np.linalg.norm(weights),
    }


@pytest.mark.parametrize("name", NAMES)
def test_statistics_equal_those_of_the_recomputed_steps(name):
    history, expected = recorded(name)
    assert history.steps.tolist() == [0, 1, 2, 3, 4]
    for statistic in STATISTICS:
        theirs = np.stack([step[statistic] for step in expected])
        np.testing.assert_allclose(
            history[statistic], theirs, rtol=1e-5, atol=1e-9, err_msg=statistic
        )
    # The global norm covers all layers.
    whole = np.sqrt(np.nansum(np.square(history.gradient_norm), axis=1))
    np.testing.assert_allclose(history.global_gradient_norm, whole, rtol=1e-5)


def test_layer_without_gradient_is_nan_and_frozen_layer_has_no_row():
    history, _ = recorded("frozen_and_unused")
    assert history.layers == ("partly_used", "never_used", "head")
    assert np.isnan(history.gradient_norm[:, 1]).all()
    assert np.isfinite(history.gradient_norm[:, [0, 2]]).all()
    assert (history.update_norm[:, 1] == 0).all()


def test_repeated_words_count_once_with_their_summed_gradient():
    history, _ = recorded("embedding")
    words = models.make("embedding")[1][: models.BATCH]
    assert len(np.unique(words)) < words.size
    unused = 1 - len(np.unique(words)) / 12
    assert history.gradient_zero_fraction[0, 0] == pytest.approx(unused)


def test_all_finite_gradients_have_no_nonfinite_share():
    history, _ = recorded("nested")
    assert (history.gradient_nonfinite_fraction == 0).all()


def test_share_of_nonfinite_gradients():
    class PoisonsOneWeight(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=shape[1:], initializer="ones")

        def call(self, x):
            kink = keras.ops.zeros_like(x) + self.scale - 1.0
            only_first = keras.ops.one_hot(0, x.shape[-1])
            return x * self.scale + keras.ops.sqrt(kink * only_first)

    model = keras.Sequential([keras.Input((4,)), PoisonsOneWeight(name="poison")])
    model.compile("sgd", "mse", jit_compile=JIT)
    logger = GradientLogger(every=1)
    fit(model, np.ones((8, 4), "float32"), np.zeros((8, 4), "float32"), [logger])
    # The root of 0 has an infinite slope, and infinity times 0 is NaN.
    assert logger.history.gradient_nonfinite_fraction[0, 0] == 1.0
    assert np.isnan(logger.history.gradient_norm[0, 0])


@pytest.mark.parametrize(
    "clip", [{"clipnorm": 1e-3}, {"global_clipnorm": 1e-3}, {"clipvalue": 1e-4}]
)
def test_norms_are_those_before_clipping(clip):
    history = log(optimizer=optimizers.SGD(0.1, **clip)).history
    np.testing.assert_allclose(
        history.gradient_norm[0], plain().gradient_norm[0], rtol=1e-5
    )
    assert history.gradient_clipped.tolist() == [1.0] * 5


@pytest.mark.parametrize(
    "clip", [{"clipnorm": 1e3}, {"global_clipnorm": 1e3}, {"clipvalue": 1e3}]
)
def test_steps_within_the_limits_are_not_clipped(clip):
    history = log(optimizer=optimizers.SGD(0.1, **clip)).history
    assert history.gradient_clipped.tolist() == [0.0] * 5


def test_each_step_is_judged_by_itself():
    norms = log(optimizer=optimizers.SGD(1e-9)).history.global_gradient_norm
    limit = float(norms.mean())
    history = log(optimizer=optimizers.SGD(1e-9, global_clipnorm=limit)).history
    assert (
        history.gradient_clipped.tolist()
        == (history.global_gradient_norm > limit).tolist()
    )
    assert 0 < history.gradient_clipped.mean() < 1


def test_optimizer_that_does_not_clip_has_no_such_value():
    assert "gradient_clipped" not in plain()


def test_clipping_of_the_second_optimizer_is_seen():
    rest = optimizers.SGD(0.1, clipnorm=1e-6)
    first = optimizers.Adam(0.01)
    both = optimizers.OptimizerMap(rest, {".*kernel": first})
    history = log(optimizer=optimizers.MultiOptimizer(both)).history
    assert history.gradient_clipped.tolist() == [1.0] * 5


def test_only_the_variables_of_an_optimizer_are_held_against_its_limit():
    kernels = optimizers.SGD(0.1, clipnorm=1e3)
    rest = optimizers.SGD(0.1, clipnorm=1e-6)
    both = optimizers.OptimizerMap(rest, {".*kernel": kernels})
    history = log(optimizer=optimizers.MultiOptimizer(both)).history
    assert history.gradient_clipped.tolist() == [1.0] * 5


def test_filter_leaves_global_norm_and_clipping_alone():
    def arguments():
        return {"optimizer": optimizers.SGD(0.1, global_clipnorm=0.1)}

    whole = log(**arguments()).history
    part = log(
        logger=GradientLogger(every=1, layers=["dense_2"]), **arguments()
    ).history
    np.testing.assert_allclose(
        part.global_gradient_norm, whole.global_gradient_norm, rtol=1e-5
    )
    np.testing.assert_array_equal(part.gradient_clipped, whole.gradient_clipped)


@pytest.mark.parametrize(
    "make_optimizer",
    [
        lambda: optimizers.SGD(0.1, loss_scale_factor=512.0),
        lambda: optimizers.LossScaleOptimizer(
            optimizers.SGD(0.1), initial_scale=64.0, dynamic_growth_steps=2
        ),
    ],
    ids=["factor", "dynamic"],
)
def test_loss_scale_is_taken_out(make_optimizer):
    scaled = log(optimizer=make_optimizer(), epochs=2).history
    assert scaled.steps.tolist() == list(range(10))
    for name in STATISTICS:
        np.testing.assert_allclose(scaled[name], plain()[name], rtol=1e-4, atol=1e-7)


def test_scaled_gradients_are_clipped_by_their_unscaled_norm():
    optimizer = optimizers.SGD(0.1, clipnorm=1e3, loss_scale_factor=1e6)
    assert log(optimizer=optimizer).history.gradient_clipped.tolist() == [0.0] * 5


def mean_gradients(snapshots, x, y):
    """Returns the mean over the batches 0 to 2, which share their weights."""
    twin, _, _ = models.make("sequential_mlp")
    found = [
        replay.gradients(twin, before, *batch)
        for before, batch in zip(snapshots.before[:3], replay.batches(x, y))
    ]
    return {path: np.mean([g[path] for g in found], axis=0) for path in found[0]}, twin


@pytest.mark.parametrize("scale", [None, 256.0])
def test_accumulated_gradient_is_the_mean_that_the_update_uses(scale):
    optimizer = optimizers.SGD(
        0.1, gradient_accumulation_steps=3, loss_scale_factor=scale
    )
    model, x, y = models.make("sequential_mlp", optimizer=optimizer)
    snapshots, logger = replay.Snapshots(), GradientLogger(every=1)
    fit(model, x, y, [snapshots, logger], epochs=2)
    mean, twin = mean_gradients(snapshots, x, y)
    expected = [
        np.linalg.norm(replay.flat([mean[v.path] for v in layer.trainable_variables]))
        for layer in twin.layers
    ]
    np.testing.assert_allclose(logger.history.gradient_norm[0], expected, rtol=1e-5)
    # Plain SGD: the update is the gradient times the learning rate.
    np.testing.assert_allclose(
        logger.history.update_norm, 0.1 * logger.history.gradient_norm, rtol=1e-3
    )
    assert logger.history.steps.tolist() == [0, 1, 2]


def test_update_includes_weight_constraints():
    keras.utils.set_random_seed(0)
    bound = keras.constraints.MaxNorm(0.01)
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, use_bias=False, kernel_constraint=bound)]
    )
    model.compile(optimizers.SGD(1e-6), "mse", jit_compile=JIT)
    before = np.array(model.layers[0].kernel)
    logger = GradientLogger(every=1)
    x = np.ones((8, 6), "float32")
    fit(model, x, np.ones((8, 4), "float32"), [logger])
    change = np.linalg.norm(np.array(model.layers[0].kernel) - before)
    assert change > 0.1
    assert logger.history.update_norm[0, 0] == pytest.approx(change, rel=1e-5)
    norm = np.linalg.norm(before)
    assert logger.history.weight_norm[0, 0] == pytest.approx(norm, rel=1e-5)


class Shares(keras.callbacks.Callback):
    """Counts by hand, before each step, the units that are held at their limit."""

    def __init__(self):
        super().__init__()
        self.found = []

    def on_train_batch_begin(self, batch, logs=None):
        shares = [
            share_at_limit(each.trainable_variables) for each in self.model.layers
        ]
        self.found.append([np.nan if share is None else share for share in shares])


def with_limits():
    limit = max_norm_for(layers.Conv1D, 0.9)
    model = keras.Sequential(
        [
            keras.Input((5, 3)),
            layers.Conv1D(6, 2, kernel_constraint=limit),
            layers.LSTM(4),
            layers.Dense(4),
            layers.Dense(1),
        ]
    )
    apply_max_norm(model, 0.8, layers=layers.LSTM)
    model.layers[-1].bias.constraint = keras.constraints.MaxNorm(0.01, axis=None)
    return model


@pytest.mark.parametrize("batches_per_step", [1, 2])
def test_share_of_units_at_the_limit_is_that_before_each_step(batches_per_step):
    keras.utils.set_random_seed(0)
    _, x, y = models.make("recurrent")
    model = with_limits()
    drawn = np.random.default_rng(0)  # the same on every backend
    model.set_weights([drawn.normal(0, 0.4, w.shape) for w in model.get_weights()])
    accumulation = batches_per_step if batches_per_step > 1 else None
    optimizer = optimizers.SGD(0.1, gradient_accumulation_steps=accumulation)
    model.compile(optimizer, "mse", jit_compile=JIT)
    shares, logger = Shares(), GradientLogger(every=1)
    fit(model, x, y, [shares, logger], epochs=2 * batches_per_step)
    found = logger.history.weight_at_limit_fraction
    by_hand = np.array(shares.found)[logger.history.steps * batches_per_step]
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)
    assert np.isnan(found[:, 2]).all()
    assert (np.ptp(found[:, [0, 1, 3]], axis=0) > 0).all()


def test_share_at_the_limit_follows_the_limit_and_ends_with_it():
    model, x, y = models.make("sequential_mlp", optimizer=optimizers.SGD(0.0))
    logger = GradientLogger(every=1)
    last = []
    for limit in (1e3, 0.1, None):
        apply_max_norm(model, limit)
        fit(model, x, y, [logger])
        last.append(logger.history.weight_at_limit_fraction[-1])
    assert (last[0] == 0).all()
    assert (last[1] == 1).all()
    assert np.isnan(last[2]).all()


def test_model_without_limits_has_no_such_value():
    assert "weight_at_limit_fraction" not in plain()


def test_without_updates_the_other_statistics_stay():
    logger = GradientLogger(every=1, updates=False)
    history = log(optimizer=optimizers.SGD(0.1), epochs=2, logger=logger).history
    assert "update_norm" not in history
    assert "update_ratio" not in history
    for name in ("weight_norm", "gradient_norm"):
        np.testing.assert_allclose(history[name], plain()[name], rtol=1e-5)


def test_tiny_gradients_do_not_underflow():
    model, x, y = models.make("sequential_mlp", optimizer=optimizers.SGD(0.1))
    model.compile(
        optimizers.SGD(0.1),
        lambda target, output: (
            1e-25 * keras.ops.mean(keras.ops.square(target - output))
        ),
        jit_compile=JIT,
    )
    logger = GradientLogger(every=1)
    fit(model, x, y, [logger])
    np.testing.assert_allclose(
        logger.history.gradient_norm[0] * 1e25, plain().gradient_norm[0], rtol=1e-4
    )


def test_steps_go_on_over_several_fits():
    model, x, y = models.make("sequential_mlp")
    logger, second = GradientLogger(every=1), GradientLogger(every=2)
    fit(model, x, y, [logger])
    fit(model, x, y, [logger, second])
    assert logger.history.steps.tolist() == list(range(10))
    assert second.history.steps.tolist() == [6, 8]
    assert logger.history.gradient_norm.shape == (10, 3)


def test_initial_epoch_of_a_fresh_optimizer_counts_the_steps_before_it():
    """Weights alone were loaded: the steps trained before are in `initial_epoch`."""
    model, x, y = models.make("sequential_mlp")
    logger = GradientLogger(every=1)
    fit(model, x, y, [logger], initial_epoch=2, epochs=3)
    assert logger.history.steps.tolist() == list(range(10, 15))


def test_steps_of_one_execution_are_recorded_one_by_one():
    together = log(
        optimizer=optimizers.SGD(0.1), epochs=2, steps_per_execution=4
    ).history
    assert together.steps.tolist() == list(range(10))
    for name in STATISTICS:
        np.testing.assert_allclose(together[name], plain()[name], rtol=1e-4, atol=1e-7)


def test_each_step_of_an_execution_is_one_row_with_all_its_values():
    optimizer = optimizers.SGD(0.1)
    logger = TrainingDiagnostics(every=1, verbose=0)
    log(optimizer=optimizer, epochs=2, logger=logger, steps_per_execution=4)
    assert logger.history.steps.tolist() == list(range(10))
    assert np.isfinite(logger.history.learning_rate).all()
    assert np.isfinite(logger.history.gradient_norm).all()


def test_eager_steps_are_recorded_alike():
    eager = log(optimizer=optimizers.SGD(0.1), epochs=2, run_eagerly=True).history
    for name in STATISTICS:
        np.testing.assert_allclose(eager[name], plain()[name], rtol=1e-4, atol=1e-7)


def test_own_train_step_is_recorded():
    history = log("own_train_step").history
    assert history.layers == ("dense", "dense_1", "dense_2")
    assert np.isfinite(history.gradient_norm).all()
    # Plain SGD with its default rate.
    np.testing.assert_allclose(
        history.update_norm, 0.01 * history.gradient_norm, rtol=1e-3
    )
