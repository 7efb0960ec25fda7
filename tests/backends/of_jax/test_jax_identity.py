"""Training on JAX is the same, bit for bit, whatever a model and its set-up are."""

import functools

import jax_models
import keras
import models
import numpy as np
import pytest

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics


def callbacks():
    return [
        TrainingDiagnostics(every=1, verbose=0),
        GradientLogger(every=2, histograms=True),
        ActivationLogger(every=3),
        HyperparameterLogger(),
    ]


def trained(model, x, y, callbacks, **arguments):
    keras.utils.set_random_seed(1)  # the order of the data
    arguments = {"batch_size": 8, "epochs": 2, "verbose": 0, **arguments}
    history = model.fit(x, y, callbacks=callbacks, **arguments)
    curves = [np.array(values) for values in history.history.values()]
    return jax_models.state_of(model) + curves


def assert_recorded(diagnostics, steps):
    history = diagnostics.history
    assert history.steps.tolist() == list(range(steps))
    assert np.isfinite(history["gradient_norm"]).any(axis=1).all()
    assert np.isfinite(history["activation_mean"]).any(axis=1).all()


@pytest.mark.parametrize(
    "optimizer", ["sgd", pytest.param("adam", marks=pytest.mark.takes_long)]
)
@pytest.mark.parametrize("name", models.MODELS)
def test_nothing_differs_for_any_model(name, optimizer):
    found = []
    for used in ([], callbacks()):
        model, x, y = models.make(name, optimizer=optimizer, jit_compile="auto")
        found.append(trained(model, x, y, used))
    jax_models.assert_same(*found)
    assert_recorded(used[0], 10)


def sgd(**arguments):
    return lambda: keras.optimizers.SGD(0.05, momentum=0.9, **arguments)


def scaled():
    inner = keras.optimizers.Adam(0.01)
    return keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)


def several():
    rates = iter((0.1, 0.01))
    made = [keras.optimizers.SGD(next(rates)), keras.optimizers.Adam(next(rates))]
    return keras.optimizers.MultiOptimizer(lambda v: made[v.path.startswith("b")])


# How it is compiled, how it is trained, how many steps that makes.
SETUPS = {
    "accumulation": (sgd(gradient_accumulation_steps=2), {}, {}, 5),
    "average": (sgd(use_ema=True, ema_overwrite_frequency=3), {}, {}, 10),
    "clipped": (sgd(global_clipnorm=0.1), {}, {}, 10),
    "loss scale": (scaled, {}, {}, 10),
    "several optimizers": (several, {}, {}, 10),
    "three steps": (sgd(), {"steps_per_execution": 3}, {}, 10),
    "eager": (sgd(), {"run_eagerly": True}, {"epochs": 1}, 5),
    "validation": (sgd(), {}, {"validation_split": 0.2}, 8),
    "weights": (sgd(), {}, {"sample_weight": np.linspace(0.1, 2, 36)}, 10),
    "steps of an epoch": (sgd(), {}, {"steps_per_epoch": 2}, 4),
}


@pytest.mark.parametrize("name", SETUPS)
def test_nothing_differs_in_any_setup(name):
    optimizer, compiled, fitted, steps = SETUPS[name]
    found = []
    for used in ([], callbacks()):
        model = jax_models.net(optimizer(), **compiled)
        found.append(trained(model, *jax_models.data(), used, **fitted))
    jax_models.assert_same(*found)
    assert_recorded(used[0], steps)


BUILDERS = {
    "own_step": jax_models.OwnStep,
    "never_called": jax_models.NeverCalled,
    "branches": jax_models.branches,
}


@pytest.mark.parametrize("name", BUILDERS)
def test_nothing_differs_for_models_with_code_of_their_own(name):
    found = []
    for used in ([], callbacks()):
        model = jax_models.net("adam", BUILDERS[name])
        found.append(trained(model, *jax_models.data(), used))
    jax_models.assert_same(*found)
    assert_recorded(used[0], 10)


def test_nothing_differs_where_layers_keep_a_state_from_batch_to_batch():
    found = []
    for used in ([], callbacks()):
        model = jax_models.net("adam", jax_models.stateful_rnn)
        x, y = jax_models.sequences()
        found.append(trained(model, x, y, used, batch_size=4, shuffle=False))
    jax_models.assert_same(*found)
    assert_recorded(used[0], 8)


@functools.cache
def plain():
    return trained(jax_models.net(), *jax_models.data(), [])


def test_a_batch_at_a_time_is_the_same():
    found = []
    for used in ([], [TrainingDiagnostics(every=1, verbose=0)]):
        model = jax_models.net("adam")
        x, y = jax_models.data()
        model._symbolic_build(data_batch=(x[:8], y[:8]))
        keras_callbacks = keras.callbacks.CallbackList(
            used, model=model, epochs=1, steps=3
        )
        keras_callbacks.on_train_begin()
        keras_callbacks.on_epoch_begin(0)
        for batch in range(3):
            keras_callbacks.on_train_batch_begin(batch)
            logs = model.train_on_batch(x[:8], y[:8], return_dict=True)
            keras_callbacks.on_train_batch_end(batch, logs)
        keras_callbacks.on_epoch_end(0)
        keras_callbacks.on_train_end()
        found.append(jax_models.state_of(model))
    jax_models.assert_same(*found)
    assert used[0].history.steps.tolist() == [0, 1, 2]


def test_a_disturbance_is_noticed():
    class Disturbs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                kernel = self.model.layers[1].kernel
                kernel.assign(np.nextafter(np.array(kernel), np.float32(9)))

    ours = trained(jax_models.net(), *jax_models.data(), [Disturbs()])
    assert any(a.tobytes() != b.tobytes() for a, b in zip(ours, plain()))
