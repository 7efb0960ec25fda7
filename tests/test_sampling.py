"""When a step is sampled."""

import keras
import models
import numpy as np
import pytest
from backend_in_use import NAME
from backend_in_use import batches_of
from backend_in_use import only_on

from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.inspection import sampling

FIRST = [0, 1, 3, 7, 15, 31, 63, 127]


def drive(sampler, batches, ordinary=lambda step: 0.01, sampled=0.005, spent=0.0):
    """Runs `sampler` with batches of known length; returns the sampled ones."""
    chosen = []
    for step in range(batches):
        if sampler.due(step, 1):
            chosen.append(step)
            sampler.sampled(sampled)
            sampler.spent(spent)
        else:
            sampler.ordinary(ordinary(step))
    return chosen


def drive_asleep(sampler, batches, seconds=0.01, sampled=0.005):
    """The same as `drive`, with the batches left out that cannot be due."""
    chosen, step = [], 0
    while step < batches:
        due = sampler.due(step, 1)
        if due:
            chosen.append(step)
            sampler.sampled(sampled)
        asleep = sampler.rest(step, 1)
        if asleep + (not due):
            sampler.ordinary(seconds, asleep + (not due))
        step += 1 + asleep
    return chosen


@pytest.mark.parametrize("every", [1, 2, 7])
def test_interval_is_kept_asleep(every):
    chosen = drive_asleep(sampling.make_sampler(every, 0.02), 100)
    assert chosen == list(range(0, 100, every))


def test_budget_is_kept_asleep():
    chosen = drive_asleep(sampling.make_sampler("auto", 0.01), 5000)
    awake = drive(sampling.make_sampler("auto", 0.01), 5000)
    assert chosen[:10] == awake[:10] == [*FIRST, 255, 511]
    assert len(chosen) == pytest.approx(len(awake), abs=2)


def share_added(chosen, batches, skip, extra):
    late = [step for step in chosen if step >= skip]
    return extra * len(late) / (batches - skip)


@pytest.mark.parametrize("interval", [1, 2, 3, 7])
def test_every_nth_takes_the_multiples(interval):
    chosen = drive(sampling.make_sampler(interval, 0.02), 30)
    assert chosen == list(range(0, 30, interval))


@pytest.mark.parametrize(
    ("first", "steps", "is_due"),
    [(0, 4, True), (1, 4, False), (2, 4, True), (5, 1, True), (6, 4, False)],
)
def test_execution_is_due_if_one_of_its_steps_is(first, steps, is_due):
    assert sampling.make_sampler(5, 0.02).due(first, steps) == is_due


def test_auto_takes_many_of_the_first_batches():
    chosen = drive(sampling.make_sampler("auto", 0.02), 400)
    assert chosen[:8] == FIRST


def test_auto_looks_again_each_time_a_short_training_has_doubled():
    chosen = drive(sampling.make_sampler("auto", 0.001), 200)
    assert chosen == FIRST


def test_other_programs_on_the_machine_take_no_credit():
    sampler = sampling.make_sampler("auto", 0.001)
    chosen = []
    for step in range(200):
        if sampler.due(step, 1):
            chosen.append(step)
            sampler.sampled(0.6, 0.01)
        else:
            sampler.ordinary(0.01)
    assert chosen == FIRST


def test_dear_samples_get_little_credit():
    chosen = drive(sampling.make_sampler("auto", 0.001), 2500, sampled=0.6)
    assert chosen[:2] == [0, 1]
    # A third one when it is 3 % of the time, and no more before it is earned.
    assert 0.03 * 0.01 * chosen[2] == pytest.approx(0.6, rel=0.1)
    assert len(chosen) == 3


def test_later_samples_on_credit_are_few_and_paid_back():
    chosen = drive(sampling.make_sampler("auto", 0.02), 5000, sampled=0.04)
    later = [step for step in chosen if step >= 16]
    assert later[:2] == [31, 63]  # 0.08 s of the 0.1
    assert 0.04 * len(later) <= 0.08 + 0.02 * 0.3 * 50.0


@pytest.mark.parametrize("overhead", [0.01, 0.02, 0.1])
@pytest.mark.parametrize("extra", [0.5, 4.0])
def test_auto_stays_within_its_budget(overhead, extra):
    sampler = sampling.make_sampler("auto", overhead)
    chosen = drive(sampler, 5000, sampled=0.01 * extra)
    assert share_added(chosen, 5000, skip=14, extra=extra) <= overhead
    assert len(chosen) > 7


def test_larger_budget_samples_more_often():
    small = drive(sampling.make_sampler("auto", 0.01), 2000)
    large = drive(sampling.make_sampler("auto", 0.1), 2000)
    assert len(large) > 2 * len(small)


def test_cheap_samples_are_not_taken_without_end():
    chosen = drive(sampling.make_sampler("auto", 0.02), 2000, sampled=0.0)
    assert len(chosen) < 10 + 2000 * 0.2


def test_pause_between_batches_earns_nothing():
    steady, paused = (sampling.make_sampler("auto", 0.02) for _ in range(2))
    expected = drive(steady, 300)
    chosen = drive(paused, 300, lambda step: 10.0 if step % 50 == 49 else 0.01)
    assert len(chosen) <= len(expected) + 2


def test_time_of_the_writer_is_paid_for():
    idle, busy = (sampling.make_sampler("auto", 0.02) for _ in range(2))
    expected = drive(idle, 1000)
    chosen = drive(busy, 1000, spent=0.005)
    assert len(chosen) < len(expected)


def test_steps_are_multiples_of_every_over_fits():
    model, x, y = models.make("sequential_mlp")
    loggers = {every: GradientLogger(every=every) for every in (2, 3, 7)}
    callbacks = list(loggers.values())
    for _ in range(2):
        model.fit(x, y, batch_size=models.BATCH, callbacks=callbacks, verbose=0)
    for every, logger in loggers.items():
        assert logger.history.steps.tolist() == list(range(0, 10, every))


def in_one_fit(callback, epochs, **arguments):
    model, x, y = models.make("sequential_mlp", **arguments)
    model.fit(
        x, y, batch_size=models.BATCH, epochs=epochs, callbacks=[callback], verbose=0
    )
    return callback.history.steps.tolist()


@pytest.mark.parametrize("every", [3, 7])
def test_short_last_execution_shifts_nothing(every):
    # Five batches an epoch are one execution of four and one of a single step.
    callback = GradientLogger(every=every)
    steps = in_one_fit(callback, epochs=4, steps_per_execution=4)
    assert steps == list(range(0, 20, every))


@pytest.mark.parametrize("every", [1, 2, 3])
def test_steps_count_updates_while_gradients_accumulate(every):
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=3)
    callback = GradientLogger(every=every)
    # Twenty batches make six updates.
    steps = in_one_fit(callback, epochs=4, optimizer=optimizer)
    assert steps == list(range(0, 6, every))


def test_callbacks_keep_their_own_intervals():
    model, x, y = models.make("sequential_mlp")
    gradients = GradientLogger(every=2)
    rates = HyperparameterLogger(every=3)
    model.fit(
        x,
        y,
        batch_size=models.BATCH,
        epochs=2,
        callbacks=[gradients, rates],
        verbose=0,
    )
    assert gradients.history.steps.tolist() == [0, 2, 4, 6, 8]
    assert rates.history.steps.tolist() == [0, 3, 6, 9]


def train_on(model, x, y):
    """Calls the train function for one batch, with what it takes on this backend."""
    if NAME == "torch":
        return model.train_function([(x, y)])
    return model.train_function(iter(batches_of(x, y, size=len(x))))


@only_on("tensorflow", "torch", because="JAX hands on a state, which `fit` alone keeps")
def test_hand_written_loop_feeds_all_callbacks():
    model, x, y = models.make("sequential_mlp")
    callbacks = [GradientLogger(every=1), HyperparameterLogger(every=1)]
    model.make_train_function()
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
    for start in range(0, 12, 4):
        batch = x[start : start + 4], y[start : start + 4]
        for callback in callbacks:
            callback.on_train_batch_begin(start // 4)
        logs = train_on(model, *batch)
        for callback in callbacks:
            callback.on_train_batch_end(start // 4, logs)
    for callback in callbacks:
        callback.on_train_end()
        assert callback.history.steps.tolist() == [0, 1, 2]


@pytest.mark.parametrize("accumulation", [3, 4])
def test_auto_records_steps_of_several_batches(accumulation):
    callback = TrainingDiagnostics(verbose=0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=accumulation)
    model.compile(optimizer, "mse")
    x = np.ones((8 * accumulation, 4), "float32")
    model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=[callback])
    assert callback.history.steps.tolist() == [0, 1, 3, 7]


def test_auto_records_the_first_steps_of_a_real_training():
    callback = TrainingDiagnostics(verbose=0)
    steps = in_one_fit(callback, epochs=3)
    assert steps[:3] == FIRST[:3]
    assert set(FIRST[:4]) <= set(steps)
    assert np.isfinite(callback.history.global_gradient_norm).all()
