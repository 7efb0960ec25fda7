"""Training on torch is the same, bit for bit, whatever a model's own code does."""

import functools

import keras
import numpy as np
import pytest
import torch_models as models

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


@functools.cache
def plain(name):
    build = {**models.MODELS, **models.REFUSED}[name]
    return models.state_of(*models.train(build, []))


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", models.MODELS)
def test_nothing_differs(name):
    used = callbacks()
    assert_same(models.state_of(*models.train(models.MODELS[name], used)), plain(name))
    history = used[0].history
    assert history.steps.tolist() == list(range(10))
    assert np.isfinite(history["gradient_norm"]).any(axis=1).all()
    assert np.isfinite(history["activation_mean"]).any(axis=1).all()


@pytest.mark.parametrize("name", models.REFUSED)
def test_a_model_that_writes_its_weights_in_place_is_refused_and_trains_on(name):
    used = [TrainingDiagnostics(every=1, verbose=0)]
    with pytest.warns(UserWarning, match=r"writes to the variable .* in place") as said:
        model, history = models.train(models.REFUSED[name], used)
    assert len([w for w in said if "in place" in str(w.message)]) == 1
    assert_same(models.state_of(model, history), plain(name))


@pytest.mark.parametrize("name", ["foreign", "adds_up"])
def test_a_disturbance_is_noticed(name):
    class Disturbs(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                self.model(np.ones((4, 6), "float32"), training=True)

    ours = models.state_of(*models.train(models.MODELS[name], [Disturbs()]))
    assert any(a.tobytes() != b.tobytes() for a, b in zip(ours, plain(name)))
