"""The averaged weights of a schedule-free training, and the training left alone."""

import copy
import pickle

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from backend_in_use import NAME
from backend_in_use import batches_of
from backend_in_use import only_on
from test_schedulers import BATCH
from test_schedulers import BATCHES
from test_schedulers import data
from test_schedulers import fit
from test_schedulers import linear_model
from test_schedulers import weights_of
from test_schedulers_restart import Kill
from test_schedulers_restart import Killed

from keras_extras.callbacks import CooldownAtStop
from keras_extras.callbacks import InferenceModeEvaluation
from keras_extras.callbacks import ScheduleFreeEvaluation
from keras_extras.optimizers import ScheduleFreeAdamW

RATE, BETA = 0.05, 0.8
# On these a variable that is read after a step has the value after it.
READS_LATER = NAME in ("tensorflow", "torch")


def ours(**arguments):
    return ScheduleFreeAdamW(RATE, beta_1=BETA, **arguments)


def of_keras(**arguments):
    return keras.optimizers.ScheduleFreeAdamW(RATE, beta_1=BETA, **arguments)


def reference(model, updates, each=1, warmup=0, reads_later=False):
    """Returns y, z and x after so many updates, in NumPy.

    Args:
        reads_later: Whether x is taken from y with z as it is after the step.
    """
    inputs, targets = data()
    inputs = np.hstack([inputs, np.ones((len(inputs), 1))])
    y = weights_of(model).astype("float64")
    z, x, second = y, y, 0.0 * y
    for t in range(1, updates + 1):
        found = []
        for batch in range((t - 1) * each, t * each):
            rows = slice(batch % BATCHES * BATCH, (batch % BATCHES + 1) * BATCH)
            error = inputs[rows] @ y - targets[rows, 0]
            found.append(2 * inputs[rows].T @ error / BATCH)
        gradient = np.mean(found, axis=0)
        second = 0.999 * second + 0.001 * gradient**2
        rate = RATE * min(t / warmup, 1.0) if warmup else RATE
        before = z
        z = z - rate * gradient / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        x = (y - (1 - BETA) * (z if reads_later else before)) / BETA
        x = (1 - 1 / t) * x + z / t
        y = (1 - BETA) * z + BETA * x
    return y, z, x


# How the step runs: the optimizer, batches per update, arguments of `compile`.
SETTINGS = {
    "plain": (ours, 1, {}),
    "xla": (ours, 1, {"jit_compile": True if NAME == "tensorflow" else JIT}),
    "eager": (ours, 1, {"run_eagerly": True}),
    "five_at_once": (ours, 1, {"steps_per_execution": 5}),
    "accumulating": (lambda: ours(gradient_accumulation_steps=2), 2, {}),
    "scaled": (
        lambda: keras.optimizers.LossScaleOptimizer(ours(), initial_scale=4.0),
        1,
        {},
    ),
    "warming_up": (lambda: ours(warmup_steps=10), 1, {}),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_average_of_50_steps_agrees_with_numpy(setting):
    make, each, arguments = SETTINGS[setting]
    model = linear_model(make(), **arguments)
    warmup = 10 if setting == "warming_up" else 0
    y, _, x = reference(model, 50 // each, each, warmup)
    fit(model, [ScheduleFreeEvaluation()], epochs=5)
    np.testing.assert_allclose(weights_of(model), x, rtol=0, atol=5e-6)
    assert np.max(np.abs(x - y)) > 1e-3


def test_optimizer_of_keras_as_it_computes():
    model = linear_model(of_keras())
    model.optimizer.build(model.trainable_variables)
    y, z, x = reference(model, 50, reads_later=READS_LATER)
    fit(model, [ScheduleFreeEvaluation()], epochs=5)
    np.testing.assert_allclose(weights_of(model), x, rtol=0, atol=5e-6)
    slots = [np.ravel(v) for v in model.optimizer.variables if "momentum" in v.path]
    np.testing.assert_allclose(np.concatenate(slots), z, rtol=0, atol=5e-6)
    # Training leaves the model at y, as Keras does, if nobody averages.
    plain = linear_model(of_keras())
    plain.optimizer.build(plain.trainable_variables)
    fit(plain, [], epochs=5)
    np.testing.assert_allclose(weights_of(plain), y, rtol=0, atol=5e-6)


@only_on("tensorflow", because="elsewhere `fit` builds an optimizer outside of a graph")
def test_lost_start_is_warned_of():
    with pytest.warns(UserWarning, match=r"Call `model\.optimizer\.build\("):
        fit(linear_model(of_keras()), [ScheduleFreeEvaluation()], epochs=1)


def network(make=ours, dropout=0.3):
    """Returns a model with all that a step or an evaluation may change."""
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.Dense(4, activation="relu"),
        keras.layers.Dropout(dropout, seed=1),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential([keras.Input((3,)), *layers])
    if make is not None:
        model.compile(make(), "mse", jit_compile=JIT)
    return model


def state_of(model):
    return [np.array(v) for v in (*model.variables, *model.optimizer.variables)]


def assert_same(one, other):
    assert len(one) == len(other)
    for mine, yours in zip(one, other):
        np.testing.assert_array_equal(mine, yours)


class Remembers(keras.callbacks.Callback):
    """Keeps the weights at the begin of epochs and within evaluations."""

    def __init__(self):
        super().__init__()
        self.trained, self.evaluated = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.trained.append(state_of(self.model))

    def on_test_batch_begin(self, batch, logs=None):
        if batch == 0:
            self.evaluated.append(self.model.get_weights())


def validated(model, callbacks, epochs=3):
    return fit(model, callbacks, epochs, validation_data=data()).history


def test_training_is_left_alone_bit_for_bit(tmp_path):
    plain, seen = network(), Remembers()
    validated(plain, [seen])
    file = str(tmp_path / "{epoch}.weights.h5")
    callbacks = lambda: [
        keras.callbacks.ModelCheckpoint(file, save_weights_only=True),
        evaluation,
        InferenceModeEvaluation(sample_size=8),
        keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True),
    ]
    evaluation, model, ours_seen = ScheduleFreeEvaluation(), network(), Remembers()
    validated(model, [*callbacks(), ours_seen])
    for mine, yours in zip(ours_seen.trained, seen.trained, strict=True):
        assert_same(mine, yours)
    # A further `fit` goes on from what was trained, not from what was left.
    validated(plain, [seen], 1)
    validated(model, [*callbacks(), ours_seen], 1)
    assert_same(ours_seen.trained[-1], seen.trained[-1])
    assert not np.allclose(weights_of(model), weights_of(plain))


@pytest.mark.parametrize("place", [0, 2])
def test_saved_and_best_weights_are_those_evaluated(tmp_path, place):
    seen, model = Remembers(), network()
    file = str(tmp_path / "{epoch}.weights.h5")
    callbacks = [
        keras.callbacks.ModelCheckpoint(file, save_weights_only=True),
        keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True),
    ]
    callbacks.insert(place, ScheduleFreeEvaluation())
    history = validated(model, [*callbacks, seen])
    for epoch, weights in enumerate(seen.evaluated):
        saved = network(None)
        saved.load_weights(file.format(epoch=epoch + 1))
        assert_same(saved.get_weights(), weights)
    best = int(np.argmin(history["val_loss"]))
    assert_same(model.get_weights(), seen.evaluated[best])
    loss = model.evaluate(*data(), batch_size=BATCH, verbose=0)
    assert loss == pytest.approx(history["val_loss"][best], rel=1e-5)


def test_statistics_are_means_over_batches_of_training_data():
    model, (x, _) = network(), data()
    fit(model, [ScheduleFreeEvaluation()], epochs=2)
    parts = x.reshape(BATCHES, BATCH, -1)
    layer = model.layers[0]
    mean, variance = parts.mean(1).mean(0), parts.var(1).mean(0)
    np.testing.assert_allclose(layer.moving_mean, mean, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, variance, atol=1e-6)
    assert layer.momentum == 0.9


def test_statistics_of_a_dataset_that_is_given():
    x, y = data()
    model = network()
    evaluation = ScheduleFreeEvaluation(batches_of(x[:8], size=4))
    learnt = batches_of(x, y, size=BATCH)
    model.fit(learnt, shuffle=False, verbose=0, callbacks=[evaluation])
    mean = x[:8].reshape(2, 4, -1).mean(1).mean(0)
    np.testing.assert_allclose(model.layers[0].moving_mean, mean, atol=1e-6)


def test_a_killed_training_goes_on(tmp_path):
    # Keras' backup does not hold what a new dropout would draw next.
    straight = network(dropout=0.0)
    validated(straight, [ScheduleFreeEvaluation()])
    folder = str(tmp_path / "backup")
    callbacks = lambda: [
        ScheduleFreeEvaluation(),
        keras.callbacks.BackupAndRestore(folder),
    ]
    with pytest.raises(Killed):
        validated(network(dropout=0.0), [*callbacks(), Kill(BATCHES + 3)])
    model = network(dropout=0.0)
    validated(model, callbacks())
    assert_same(model.get_weights(), straight.get_weights())


class FailsInEvaluation(keras.callbacks.Callback):
    def on_test_batch_end(self, batch, logs=None):
        raise Killed


def test_what_is_trained_is_put_back_after_an_exception():
    plain, model = network(), network()
    fit(plain, [], epochs=1)
    with pytest.raises(Killed):
        validated(model, [ScheduleFreeEvaluation(), FailsInEvaluation()])
    assert_same(state_of(model), state_of(plain))


def test_refusals():
    with pytest.raises(ValueError, match="needs a model that is compiled with"):
        fit(linear_model(keras.optimizers.Adam()), [ScheduleFreeEvaluation()])
    with pytest.raises(ValueError, match="`use_ema` must be False"):
        fit(linear_model(ours(use_ema=True)), [ScheduleFreeEvaluation()])
    both = [ScheduleFreeEvaluation(), CooldownAtStop("loss")]
    with pytest.raises(ValueError, match="Leave CooldownAtStop "):
        fit(linear_model(ours()), both)
    arguments = {"shuffle": False, "callbacks": [ScheduleFreeEvaluation()]}
    with pytest.raises(ValueError, match="`x` must be given where"):
        network().fit(batches_of(*data(), size=BATCH), **arguments)


def test_copies_and_saved_optimizer():
    evaluation = ScheduleFreeEvaluation(sample_size=5)
    fit(linear_model(ours()), [evaluation], epochs=1)
    for made in (copy.deepcopy(evaluation), pickle.loads(pickle.dumps(evaluation))):
        assert made.sample_size == 5
        assert made._left == []
    config = keras.saving.serialize_keras_object(ours(warmup_steps=3))
    loaded = keras.saving.deserialize_keras_object(config)
    assert type(loaded) is ScheduleFreeAdamW
    assert loaded.warmup_steps == 3
