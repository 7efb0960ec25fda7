"""What ends with the training does so, however many steps are lost on the way."""

import keras
import numpy as np
import pytest
from test_schedulers import BATCH
from test_schedulers import data
from test_schedulers import linear_model
from test_schedulers import momentum_sgd

from keras_extras.callbacks import CooldownAtStop
from keras_extras.callbacks import LinearToZeroScheduler
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import RecoverFromNaN
from keras_extras.callbacks import WarmupStableDecayScheduler
from keras_extras.schedules import OneCycle

RATE, STEPS = 0.01, 40
LINE = {"cooldown": 0.25, "shape": "linear"}
# The callback, and the last rate of a training of so many steps that were kept.
ENDS = {
    "cooldown": (
        lambda: CooldownAtStop("loss", patience=None, verbose=0, **LINE),
        lambda kept: RATE / round(0.25 * kept),
    ),
    "line": (LinearToZeroScheduler, lambda kept: RATE / STEPS),
    "stable": (lambda: WarmupStableDecayScheduler(**LINE), lambda kept: RATE / 10),
    "cycle": (
        lambda: OneCycleScheduler(max_rate=0.02),
        lambda kept: OneCycle(STEPS, max_rate=0.02).values(STEPS)[-1],
    ),
}


def train(model, callbacks, broken=None):
    """Trains one epoch of 40 batches, of which one may hold a NaN."""
    x, y = (np.tile(each, (4, 1)) for each in data())
    if broken is not None:
        x[broken * BATCH] = np.nan
    arguments = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
    history = model.fit(x, y, callbacks=callbacks, **arguments)
    return history.history["learning_rate"][-1], int(model.optimizer.iterations)


@pytest.mark.parametrize("broken", [5, 35])
@pytest.mark.parametrize("name", ENDS)
def test_steps_that_are_taken_back(name, broken):
    make, last = ENDS[name]
    callbacks = [RecoverFromNaN(every=4, verbose=0), make()]
    rate, kept = train(linear_model(momentum_sgd(RATE)), callbacks, broken)
    assert kept == STEPS - broken % 4 - 1
    # Once it falls, the cooldown has the length that it began with.
    assert rate == pytest.approx(0.5 * last(kept if broken == 5 else STEPS), rel=1e-3)


@pytest.mark.parametrize("name", ENDS)
def test_steps_that_are_skipped(name):
    make, last = ENDS[name]
    optimizer = keras.optimizers.LossScaleOptimizer(
        momentum_sgd(RATE), initial_scale=2.0**127
    )
    rate, kept = train(linear_model(optimizer), [make()])
    assert kept < STEPS
    assert rate == pytest.approx(last(kept), rel=1e-3)


def test_a_length_that_is_given_counts_the_steps_that_are_kept():
    callbacks = [RecoverFromNaN(every=4, verbose=0), LinearToZeroScheduler(STEPS)]
    rate, kept = train(linear_model(momentum_sgd(RATE)), callbacks, 6)
    assert rate == pytest.approx(0.5 * RATE * (STEPS - kept + 1) / STEPS, rel=1e-4)


@pytest.mark.parametrize("name", ["line", "cooldown"])
def test_executions_of_endless_data_are_trained_whole(name):
    def batches():
        x, y = data()
        while True:
            yield x[:BATCH], y[:BATCH]

    model = linear_model(momentum_sgd(RATE), steps_per_execution=5)
    arguments = {"epochs": 2, "steps_per_epoch": 18, "verbose": 0, "shuffle": False}
    history = model.fit(batches(), callbacks=[ENDS[name][0]()], **arguments)
    assert int(model.optimizer.iterations) == STEPS
    last = ENDS[name][1](STEPS)
    assert history.history["learning_rate"][-1] == pytest.approx(last, rel=1e-4)
