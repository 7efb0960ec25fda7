"""After a NaN the training goes on from the last good state, at a lower rate."""

import keras
import numpy as np
import oracles
import pytest
from test_schedulers import BATCH
from test_schedulers import BATCHES
from test_schedulers import data
from test_schedulers import fit
from test_schedulers import linear_model
from test_schedulers import momentum_sgd
from test_schedulers import weights_of

from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler
from keras_extras.callbacks import RecoverFromNaN

RATE, EPOCHS = 0.02, 4
BROKEN = 13  # of all batches, the fourth of the second epoch


def batches(broken):
    x, y = data()
    made = []
    for number in range(EPOCHS * BATCHES):
        rows = slice(number % BATCHES * BATCH, (number % BATCHES + 1) * BATCH)
        bad = np.nan if number in broken else 1.0
        made.append((x[rows] * bad, y[rows]))
    return made


def train(model, callbacks, broken=(BROKEN,)):
    return model.fit(
        (batch for batch in batches(broken)),
        steps_per_epoch=BATCHES,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    ).history


def reference(model, kept, rates):
    """Returns what NumPy trains on the batches with the numbers `kept`."""
    weights = weights_of(model).astype("float64")
    oracle, all_batches = oracles.SGD(), batches(())
    for number, rate in zip(kept, rates, strict=True):
        x, y = all_batches[number]
        x = np.hstack([x, np.ones((len(x), 1))])
        gradient = 2 * x.T @ (x @ weights - y[:, 0]) / BATCH
        weights = oracle.step(weights, gradient, rate, 0.9)
    return weights


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(("every", "lost"), [(1, 0), (5, 3), (100, 13)])
def test_weights_are_those_of_the_batches_that_count(tmp_path, every, lost, on_disk):
    model = linear_model(momentum_sgd(RATE))
    before = [*range(BROKEN - lost)]
    kept = [*before, *range(BROKEN + 1, EPOCHS * BATCHES)]
    rates = [RATE if number < BROKEN else RATE / 2 for number in kept]
    expected = reference(model, kept, rates)
    recover = RecoverFromNaN(
        every=every, directory=tmp_path / "copy" if on_disk else None, verbose=0
    )
    logs = train(model, [recover])
    np.testing.assert_allclose(weights_of(model), expected, rtol=0, atol=2e-6)
    assert int(model.optimizer.iterations) == len(kept)
    assert recover.recoveries == [(1, 3)]
    assert np.isfinite(logs["loss"]).all()
    assert float(model.optimizer.learning_rate) == pytest.approx(RATE)
    assert not on_disk or not [*(tmp_path / "copy").iterdir()]


def test_schedules_count_the_steps_that_were_kept(capsys):
    model = linear_model(momentum_sgd(RATE))
    logs = train(model, [OneCycleScheduler(40, max_rate=0.05), RecoverFromNaN(every=1)])
    rates, _ = oracles.book(40, 0.05)
    assert logs["learning_rate"][0] == pytest.approx(rates[9], rel=1e-5)
    last = int(model.optimizer.iterations) - 1
    assert last == 38
    assert logs["learning_rate"][-1] == pytest.approx(rates[last] / 2, rel=1e-5)
    assert "epoch 2, batch 4: the loss is not finite" in capsys.readouterr().out


def test_it_gives_up_with_the_last_good_state():
    model = linear_model(momentum_sgd(RATE))
    expected = reference(model, range(10), [RATE] * 10)
    recover = RecoverFromNaN(every=1, attempts=2, verbose=0)
    with pytest.warns(UserWarning, match="gives up") as caught:
        logs = train(model, [recover], broken=range(10, 40))
    assert recover.recoveries == [(1, 0), (1, 1)]
    assert len(logs["loss"]) == 2
    np.testing.assert_allclose(weights_of(model), expected, rtol=0, atol=2e-6)
    assert sum("gives up" in str(warning.message) for warning in caught) == 1


def test_a_training_without_nan_is_left_alone():
    trained = []
    for callbacks in ([], [RecoverFromNaN(every=3)]):
        model = linear_model(momentum_sgd(RATE))
        train(model, callbacks, broken=())
        trained.append(weights_of(model))
    np.testing.assert_allclose(trained[0], trained[1], rtol=1e-6)


def test_terminate_on_nan_beside_it_is_refused():
    model = linear_model(momentum_sgd(RATE))
    with pytest.raises(ValueError, match="Leave TerminateOnNaN out"):
        fit(model, [RecoverFromNaN(), keras.callbacks.TerminateOnNaN()])


class Says(keras.callbacks.Callback):
    """Logs given values, and remembers the weights of each epoch."""

    def __init__(self, values):
        super().__init__()
        self.values, self.weights = values, []

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = self.values[epoch]
        self.weights.append(weights_of(self.model))


class Sees(keras.callbacks.Callback):
    """Remembers the weights with which each epoch begins."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_begin(self, epoch, logs=None):
        self.weights.append(weights_of(self.model))


@pytest.mark.parametrize(("mode", "sign"), [("min", 1), ("max", -1)])
def test_lowering_goes_back_to_the_best_weights(mode, sign):
    says, sees = Says([sign * v for v in (5.0, 1.0, 2.0, 3.0, 4.0)]), Sees()
    model = linear_model(momentum_sgd(RATE))
    plateau = PerformanceScheduler(
        "score", patience=2, mode=mode, restore_best_weights=True
    )
    logs = fit(model, [says, plateau, sees], epochs=5).history
    np.testing.assert_array_equal(sees.weights[4], says.weights[1])
    np.testing.assert_array_equal(sees.weights[3], says.weights[2])
    np.testing.assert_array_equal(weights_of(model), says.weights[1])
    assert logs["learning_rate"][4] == pytest.approx(RATE / 2)
    assert np.any(says.weights[4] != says.weights[1])
