"""A training that is killed and restarted goes on as if nothing had happened."""

import keras
import numpy as np
import pytest
from test_schedulers import BATCH
from test_schedulers import BATCHES
from test_schedulers import data
from test_schedulers import linear_model
from test_schedulers import weights_of

from keras_extras.callbacks import ExponentialDecayScheduler
from keras_extras.callbacks import HyperparameterScheduler
from keras_extras.callbacks import InverseSquareRootScheduler
from keras_extras.callbacks import LinearToZeroScheduler
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler
from keras_extras.callbacks import WarmRestartsScheduler
from keras_extras.callbacks import WarmupStableDecayScheduler
from keras_extras.schedules import Interpolation

optimizers = keras.optimizers
EPOCHS = 5


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """Ends the process, so to speak, after a number of batches."""

    def __init__(self, after):
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Killed


class Records(keras.callbacks.Callback):
    """Records rate and momentum of each batch by `optimizer.iterations`."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def on_train_batch_begin(self, batch, logs=None):
        optimizer = self.model.optimizer
        momentum = getattr(optimizer, "momentum", getattr(optimizer, "beta_1", 0.0))
        values = float(optimizer.learning_rate), float(momentum)
        self.seen[int(optimizer.iterations)] = values


def fit(model, callbacks, epochs=EPOCHS, **arguments):
    x, y = data()
    model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
        **arguments,
    )


def sgd():
    return optimizers.SGD(0.02, momentum=0.9)


def adam():
    return optimizers.Adam(0.02)


SCHEDULERS = {
    "cycle": lambda: OneCycleScheduler(max_rate=0.05),
    "cycle_of_given_length": lambda: OneCycleScheduler(80, max_rate=0.05),
    "decay": lambda: ExponentialDecayScheduler(20),
    "line": lambda: LinearToZeroScheduler(warmup_steps=5),
    "stable": lambda: WarmupStableDecayScheduler(warmup_steps=5, cooldown=0.5),
    "root": lambda: InverseSquareRootScheduler(5),
    "restarts": lambda: WarmRestartsScheduler(7),
    "momentum": lambda: HyperparameterScheduler(
        "momentum", Interpolation([0, 50], [0.9, 0.1])
    ),
    # Never good enough, so it lowers the rate at every other epoch.
    "plateau": lambda: PerformanceScheduler("loss", min_delta=100.0, patience=2),
}


def killed_and_restarted(make_scheduler, make_optimizer, after, tmp_path, freq):
    backup = str(tmp_path / "backup")
    records = Records()
    callbacks = lambda: [
        make_scheduler(),
        records,
        keras.callbacks.BackupAndRestore(backup, save_freq=freq),
    ]
    model = linear_model(make_optimizer())
    with pytest.raises(Killed):
        fit(model, [*callbacks(), Kill(after)])
    model = linear_model(make_optimizer())
    fit(model, callbacks())
    return model, records.seen


def momentum_rmsprop():
    return optimizers.RMSprop(0.01, momentum=0.9)


@pytest.mark.parametrize(
    ("name", "after", "make_optimizer"),
    [
        ("cycle", 13, sgd),
        ("cycle", 37, adam),
        ("cycle_of_given_length", 37, sgd),
        ("decay", 13, adam),
        ("line", 13, sgd),
        ("stable", 37, adam),
        ("root", 13, sgd),
        ("restarts", 13, sgd),
        ("momentum", 13, sgd),
        ("momentum", 37, momentum_rmsprop),
        ("plateau", 37, sgd),
        ("plateau", 13, adam),
    ],
)
def test_backup_and_restore(tmp_path, name, after, make_optimizer):
    straight, records = linear_model(make_optimizer()), Records()
    fit(straight, [SCHEDULERS[name](), records])
    model, seen = killed_and_restarted(
        SCHEDULERS[name], make_optimizer, after, tmp_path, "epoch"
    )
    assert sorted(seen) == list(range(BATCHES * EPOCHS))
    for step, values in records.seen.items():
        np.testing.assert_array_equal(seen[step], values)
    np.testing.assert_array_equal(weights_of(model), weights_of(straight))


@pytest.mark.parametrize("after", [5, 37])
def test_backup_in_the_middle_of_an_epoch(tmp_path, after):
    straight = Records()
    fit(linear_model(sgd()), [OneCycleScheduler(100, max_rate=0.05), straight])
    make = lambda: OneCycleScheduler(100, max_rate=0.05)
    _, seen = killed_and_restarted(make, sgd, after, tmp_path, 3)
    for step in range(BATCHES * EPOCHS):
        np.testing.assert_array_equal(seen[step], straight.seen[step])


def test_an_epoch_that_is_trained_twice_is_the_reason(tmp_path):
    with pytest.warns(UserWarning, match="past the end") as caught:
        killed_and_restarted(LinearToZeroScheduler, sgd, 37, tmp_path, 7)
    said = "trains part of epoch 4 again, in which `BackupAndRestore(save_freq=7)`"
    assert any(said in str(warning.message) for warning in caught)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_loaded_model_with_initial_epoch(tmp_path, name):
    straight, records = linear_model(sgd()), Records()
    saved = str(tmp_path / "{epoch}.keras")
    fit(
        straight,
        [SCHEDULERS[name](), records, keras.callbacks.ModelCheckpoint(saved)],
    )
    epoch = 3
    model, again = keras.models.load_model(saved.format(epoch=epoch)), Records()
    fit(model, [SCHEDULERS[name](), again], initial_epoch=epoch)
    assert min(again.seen) == epoch * BATCHES
    if name == "plateau":  # its rate is saved, its patience is not
        first = epoch * BATCHES
        np.testing.assert_array_equal(again.seen[first], records.seen[first])
        return
    for step, values in again.seen.items():
        np.testing.assert_array_equal(values, records.seen[step])
    np.testing.assert_array_equal(weights_of(model), weights_of(straight))


def test_cycle_that_began_late_goes_on_where_it_was(tmp_path):
    straight = linear_model(sgd())
    fit(straight, [], epochs=2)
    records, again = Records(), Records()
    saved = str(tmp_path / "{epoch}.keras")
    checkpoint = keras.callbacks.ModelCheckpoint(saved)
    fit(straight, [OneCycleScheduler(max_rate=0.05), records, checkpoint])
    model = keras.models.load_model(saved.format(epoch=3))
    fit(model, [OneCycleScheduler(max_rate=0.05), again], initial_epoch=3)
    assert min(again.seen) == 5 * BATCHES
    for step, values in again.seen.items():
        np.testing.assert_array_equal(values, records.seen[step])
    np.testing.assert_array_equal(weights_of(model), weights_of(straight))


def test_accumulating_with_a_restart(tmp_path):
    make = lambda: optimizers.SGD(0.02, momentum=0.9, gradient_accumulation_steps=2)
    straight = linear_model(make())
    fit(straight, [OneCycleScheduler(max_rate=0.05)])
    model, _ = killed_and_restarted(
        lambda: OneCycleScheduler(max_rate=0.05), make, 33, tmp_path, "epoch"
    )
    np.testing.assert_array_equal(weights_of(model), weights_of(straight))
