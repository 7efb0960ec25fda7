"""Bad input is refused before training starts, with the value that was received."""

import re

import keras
import models
import numpy as np
import pytest
from backend_in_use import JIT
from backend_in_use import Listed
from backend_in_use import only_on
from keras import layers

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics

ALL = (ActivationLogger, GradientLogger, HyperparameterLogger, TrainingDiagnostics)
WITH_LAYERS = (ActivationLogger, GradientLogger, TrainingDiagnostics)


class CountsSteps(keras.callbacks.Callback):
    steps = 0

    def on_train_batch_begin(self, batch, logs=None):
        self.steps += 1


def assert_refused_at_fit(callback, *fragments, model=None):
    """Fits; no step may run, and the message holds all of `fragments`."""
    prepared, x, y = models.make("sequential_mlp")
    model = prepared if model is None else model
    weights = model.get_weights()
    counter = CountsSteps()
    with pytest.raises(ValueError, match="Received: ") as caught:
        model.fit(x, y, callbacks=[callback, counter], verbose=0)
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert counter.steps == 0
    assert all(map(np.array_equal, model.get_weights(), weights))


@pytest.mark.parametrize("every", [0, -1, True, False, "often", 1.5, None])
@pytest.mark.parametrize("callback", ALL)
def test_every_must_be_auto_or_a_positive_integer(callback, every):
    received = re.escape(f"Received: every={every!r}")
    with pytest.raises(ValueError, match=f"`every`.*{received}"):
        callback(every=every)


@pytest.mark.parametrize("overhead", [0, -0.1, 1.5, "2%", None, float("nan"), True])
def test_overhead_must_be_a_fraction(overhead):
    received = re.escape(f"Received: overhead={overhead!r}")
    with pytest.raises(ValueError, match=f"`overhead`.*{received}"):
        TrainingDiagnostics(overhead=overhead)


@pytest.mark.parametrize("history_size", [0, 99, 1e4, "all", True])
@pytest.mark.parametrize("callback", ALL)
def test_history_size_must_be_a_number_of_steps(callback, history_size):
    received = re.escape(f"Received: history_size={history_size!r}")
    with pytest.raises(ValueError, match=f"`history_size`.*{received}"):
        callback(history_size=history_size)


@pytest.mark.parametrize("log_dir", [3, b"logs", "", ["logs"]])
@pytest.mark.parametrize("callback", ALL)
def test_log_dir_must_be_a_path(callback, log_dir):
    received = re.escape(f"Received: log_dir={log_dir!r}")
    with pytest.raises(ValueError, match=f"`log_dir`.*{received}"):
        callback(log_dir=log_dir)


@pytest.mark.parametrize("below", [(), ("run",), ("deep", "run")])
def test_log_dir_must_not_be_or_lie_under_a_file(tmp_path, below):
    file = tmp_path / "file"
    file.write_text("a regular file")
    log_dir = str(file.joinpath(*below))
    callback = GradientLogger(log_dir, every=1)
    assert_refused_at_fit(callback, "`log_dir`", log_dir)
    assert file.read_text() == "a regular file"


def test_model_is_untouched_after_a_refusal(tmp_path):
    model, x, y = models.make("sequential_mlp")
    refused = GradientLogger(layers=["nonesuch"])
    with pytest.raises(ValueError, match="nonesuch"):
        model.fit(x, y, callbacks=[refused], verbose=0)
    assert vars(model)["train_function"] is None or callable(
        vars(model)["train_function"]
    )
    model.fit(x, y, verbose=0)
    logger = GradientLogger(every=1)
    model.fit(x, y, callbacks=[logger], batch_size=models.BATCH, verbose=0)
    assert len(logger.history) == 5


@pytest.mark.parametrize("callback", WITH_LAYERS)
def test_unknown_layer_name(callback):
    assert_refused_at_fit(
        callback(layers=["dense", "nonesuch"]), "`layers`", "nonesuch", "dense_1"
    )


@pytest.mark.parametrize("pattern", ["conv.*", re.compile("conv.*")])
def test_pattern_that_fits_nothing(pattern):
    assert_refused_at_fit(GradientLogger(layers=pattern), "`layers`", "conv.*")


def test_function_that_accepts_nothing():
    assert_refused_at_fit(ActivationLogger(layers=lambda layer: False), "`layers`")


def test_layers_must_be_a_filter_of_some_kind():
    model, x, y = models.make("sequential_mlp")
    with pytest.raises(ValueError, match=r"`layers`.*Received: layers=3"):
        model.fit(x, y, callbacks=[GradientLogger(layers=3)], verbose=0)


class LossOnly(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def train_step(self, *arguments):
        raise AssertionError("a step has run")


@pytest.mark.parametrize("callback", ALL)
def test_model_without_optimizer(callback):
    model = LossOnly()
    model(np.zeros((1, 6), "float32"))
    model.compile(loss="mse", optimizer=None)
    assert_refused_at_fit(callback(), callback.__name__, "optimizer=None", model=model)


def test_layer_of_an_unbuilt_model_is_looked_up_when_it_is_built():
    model, x, y = models.make("unbuilt_sequential")
    with pytest.raises(ValueError, match="nonesuch"):
        model.fit(x, y, callbacks=[GradientLogger(layers=["nonesuch"])], verbose=0)
    assert int(model.optimizer.iterations) == 0


def test_good_values_are_accepted(tmp_path):
    for every in (1, 1000, "auto"):
        assert TrainingDiagnostics(tmp_path, every=every).every == every
    for overhead in (1e-6, 0.02, 1.0, 1):
        assert TrainingDiagnostics(overhead=overhead).overhead == overhead
    assert not list(tmp_path.iterdir())


@only_on("tensorflow", because="Keras itself trains on no such batch elsewhere")
def test_batch_without_rows_is_one_sample_and_ends_nothing():
    x = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
    data = Listed([(each, each[:, :1]) for each in (x[:8], x[8:], x[:0])])
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=JIT)
    diagnostics = TrainingDiagnostics(every=1, verbose=0)
    model.fit(data, epochs=2, shuffle=False, verbose=0, callbacks=[diagnostics])
    assert diagnostics.history.steps.tolist() == list(range(6))


def test_training_without_a_step_says_that_nothing_was_recorded():
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=50)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", jit_compile=JIT)
    logger = GradientLogger(every=1)
    with pytest.warns(UserWarning, match="no batch of this training ended with a step"):
        model.fit(np.ones((16, 6)), np.ones(16), verbose=0, callbacks=[logger])
    assert len(logger.history) == 0
