"""The hyperparameters that act on each step."""

import keras
import models
import numpy as np
import pytest

from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger

optimizers = keras.optimizers


def log(optimizer, epochs=2, every=1, callbacks=(), name="sequential_mlp", **arguments):
    model, x, y = models.make(name, optimizer=optimizer, **arguments)
    logger = HyperparameterLogger(every=every)
    model.fit(
        x,
        y,
        batch_size=models.BATCH,
        epochs=epochs,
        callbacks=[logger, *callbacks],
        verbose=0,
    )
    return logger.history


def schedule():
    return optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)


def scheduled(steps):
    return 0.1 * 0.5 ** (np.arange(steps) / 2)


def test_constant_rate():
    history = log(optimizers.SGD(0.05))
    assert history.steps.tolist() == list(range(10))
    np.testing.assert_allclose(history.learning_rate, 0.05, rtol=1e-6)
    assert "loss_scale" not in history


def test_schedule_gives_the_rate_of_each_step():
    history = log(optimizers.SGD(schedule()))
    np.testing.assert_allclose(history.learning_rate, scheduled(10), rtol=1e-5)


@pytest.mark.parametrize("way", [{"steps_per_execution": 4}, {"run_eagerly": True}])
def test_schedule_in_other_ways_of_execution(way):
    history = log(optimizers.SGD(schedule()), **way)
    assert history.steps.tolist() == list(range(10))
    np.testing.assert_allclose(history.learning_rate, scheduled(10), rtol=1e-5)


def test_recorded_rate_is_the_one_that_acted():
    model, x, y = models.make("sequential_mlp", optimizer=optimizers.SGD(schedule()))
    rates, gradients = HyperparameterLogger(), GradientLogger(every=1)
    model.fit(x, y, batch_size=models.BATCH, callbacks=[rates, gradients], verbose=0)
    ratio = gradients.history.update_norm / gradients.history.gradient_norm
    expected = np.repeat(rates.history.learning_rate[:, None], 3, axis=1)
    np.testing.assert_allclose(ratio, expected, rtol=1e-3)


def test_rate_that_another_callback_sets():
    halve = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))
    history = log(optimizers.SGD(1.0), callbacks=[halve])
    np.testing.assert_allclose(history.learning_rate, [0.1] * 5 + [0.05] * 5)


def test_schedule_while_gradients_accumulate():
    optimizer = optimizers.SGD(schedule(), gradient_accumulation_steps=3)
    model, x, y = models.make("sequential_mlp", optimizer=optimizer)
    seen = []

    class Reads(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

    logger = HyperparameterLogger()
    model.fit(
        x,
        y,
        batch_size=models.BATCH,
        epochs=2,
        callbacks=[Reads(), logger],
        verbose=0,
    )
    assert logger.history.steps.tolist() == [0, 1, 2]
    np.testing.assert_allclose(logger.history.learning_rate, seen[2::3], rtol=1e-5)


@pytest.mark.parametrize(
    ("make_optimizer", "expected"),
    [
        (lambda: optimizers.SGD(0.1, momentum=0.8), {"momentum": 0.8}),
        (lambda: optimizers.RMSprop(0.1, momentum=0.7), {"momentum": 0.7}),
        (lambda: optimizers.Adam(0.1, beta_1=0.6), {"momentum": 0.6, "beta_1": 0.6}),
        (
            lambda: optimizers.AdamW(0.1, weight_decay=0.02),
            {"momentum": 0.9, "beta_1": 0.9, "weight_decay": 0.02},
        ),
    ],
    ids=["sgd", "rmsprop", "adam", "adamw"],
)
def test_momentum_and_decay_where_the_optimizer_has_them(make_optimizer, expected):
    history = log(make_optimizer(), epochs=1)
    assert set(history) == {"learning_rate", *expected}
    for name, value in expected.items():
        np.testing.assert_allclose(history[name], [value] * 5, rtol=1e-6)


def test_loss_scale_grows_step_by_step():
    optimizer = optimizers.LossScaleOptimizer(
        optimizers.SGD(schedule()), initial_scale=4.0, dynamic_growth_steps=2
    )
    history = log(optimizer, epochs=1)
    np.testing.assert_allclose(history.learning_rate, scheduled(5), rtol=1e-5)
    # The scale that acts on a step is the one that the step finds.
    np.testing.assert_array_equal(history.loss_scale, [4, 4, 8, 8, 16])


def test_constant_loss_scale_factor():
    history = log(optimizers.SGD(0.1, loss_scale_factor=8.0), epochs=1)
    np.testing.assert_array_equal(history.loss_scale, [8.0] * 5)


def test_each_optimizer_of_several():
    adam = optimizers.Adam(0.01, beta_1=0.7, name="adam")
    rest = optimizers.SGD(schedule(), momentum=0.9, name="sgd")
    both = optimizers.OptimizerMap(rest, {".*kernel": adam})
    history = log(optimizers.MultiOptimizer(both), epochs=1)
    np.testing.assert_allclose(history["learning_rate/0_adam"], 0.01, rtol=1e-6)
    np.testing.assert_allclose(history["learning_rate/1_sgd"], scheduled(5), rtol=1e-5)
    np.testing.assert_allclose(history["momentum/1_sgd"], 0.9, rtol=1e-6)
    np.testing.assert_allclose(history["beta_1/0_adam"], 0.7, rtol=1e-6)
    np.testing.assert_array_equal(
        history.learning_rate, history["learning_rate/0_adam"]
    )


def test_every_second_step_only():
    history = log(optimizers.SGD(schedule()), every=2)
    assert history.steps.tolist() == [0, 2, 4, 6, 8]
    np.testing.assert_allclose(history.learning_rate, scheduled(10)[::2], rtol=1e-5)


def test_own_train_step():
    history = log(optimizers.Adam(0.02), epochs=1, name="own_train_step")
    np.testing.assert_allclose(history.learning_rate, [0.02] * 5, rtol=1e-6)
