"""What is said of faults of ours, and of arguments that make no sense."""

import warnings

import keras
import numpy as np
import pytest

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.inspection.inspection import Inspection
from keras_extras.warn_safely import warn_safely

X = np.ones((8, 4), "float32")


def train(*callbacks):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], batch_size=4, epochs=2, verbose=0, callbacks=[*callbacks])
    return model


def test_warning_is_one_of_the_caller():
    with pytest.warns(UserWarning, match="what is said") as found:
        warn_safely("what is said")
    assert found[0].filename == __file__


def test_fault_of_ours_ends_no_training_where_warnings_are_errors(monkeypatch, capsys):
    def fail(*_):
        raise KeyError("a fault of ours")

    monkeypatch.setattr(Inspection, "before", fail)
    logger = GradientLogger(every=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = train(logger)
    assert "a fault of ours" in capsys.readouterr().err
    assert int(np.asarray(keras.ops.convert_to_numpy(model.optimizer.iterations))) == 4


@pytest.mark.parametrize(
    "make",
    [GradientLogger, ActivationLogger, HyperparameterLogger, TrainingDiagnostics],
)
def test_callback_that_stands_in_the_list_twice_is_refused(make):
    callback = make(every=1)
    with pytest.raises(ValueError, match="`callbacks` must hold each callback once"):
        train(callback, callback)
    train(callback)
    assert callback.history.steps.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "make", [GradientLogger, ActivationLogger, TrainingDiagnostics]
)
def test_pattern_that_is_none_is_refused_before_any_training(make):
    with pytest.raises(ValueError, match=r"`layers` must be .*'dense\('"):
        make(layers="dense(")
