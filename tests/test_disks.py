"""A disk that hangs or is full neither holds a training up nor fails it."""

import re
import warnings

import disks
import keras
import models
import numpy as np
import pytest
from backend_in_use import JIT

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import InferenceModeEvaluation
from keras_extras.callbacks import LearningRateFinder
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.summaries import background_writer
from keras_extras.summaries.event_file import EventFile
from keras_extras.uncertainty import UncertaintyLogger


@pytest.fixture
def pipes(monkeypatch):
    """Has event files be pipes that nobody reads; in the end lets go of all threads."""
    made = disks.Pipes()
    monkeypatch.setattr(EventFile, "_open", lambda file: made.open(file))
    monkeypatch.setattr(background_writer, "_STALL_SECONDS", 0.2)
    yield made
    made.release()


def fit(callbacks, name="sequential_mlp", **arguments):
    """Trains; returns the weights and our warnings."""
    model, x, y = models.make(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(
            x,
            y,
            batch_size=models.BATCH,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
            **arguments,
        )
    ours = [str(w.message) for w in caught if "`log_dir`" in str(w.message)]
    return model.get_weights(), ours


def counts_of(message):
    """Returns how many summaries a warning says are lost, and of how many."""
    return tuple(map(int, re.search(r"(\d+) of (\d+) summaries", message).groups()))


def classifier():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=JIT)
    return model


X = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")

LOGGERS = {
    "gradients": lambda log_dir: GradientLogger(log_dir, every=1),
    "activations": lambda log_dir: ActivationLogger(log_dir),
    "hyperparameters": lambda log_dir: HyperparameterLogger(log_dir),
    "diagnostics": lambda log_dir: TrainingDiagnostics(log_dir, verbose=0),
    "uncertainty": lambda log_dir: UncertaintyLogger(X, Y, log_dir=log_dir, samples=2),
    "evaluation": lambda log_dir: InferenceModeEvaluation(log_dir=log_dir),
    "finder": lambda log_dir: LearningRateFinder(log_dir=str(log_dir), steps=4),
}


@pytest.mark.parametrize("name", LOGGERS)
def test_disk_that_never_answers_costs_one_warning(name, tmp_path, pipes):
    logger = LOGGERS[name](tmp_path / "run")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier().fit(X, Y, 4, epochs=2, verbose=0, callbacks=[logger])
    (ours,) = [str(w.message) for w in caught if "`log_dir`" in str(w.message)]
    assert str(tmp_path / "run") in ours
    assert "does not answer" in ours
    lost, offered = counts_of(ours)
    assert lost == offered > 0


def test_disk_that_hangs_in_mid_training(tmp_path, pipes, monkeypatch):
    monkeypatch.setattr(background_writer, "_FLUSH_SECONDS", 0.0)
    pipes.hold = True
    logger = GradientLogger(tmp_path, every=1)
    weights, ours = fit([logger], epochs=20)
    lost, offered = counts_of(*ours)
    assert 0 < lost < offered
    assert "does not answer" in ours[0]
    for mine, other in zip(weights, fit([], epochs=20)[0], strict=True):
        np.testing.assert_array_equal(mine, other)
    assert logger.history.steps.tolist() == list(range(100))
    (content,) = pipes.read()
    (tmp_path / "read").mkdir()
    (tmp_path / "read" / "tfevents").write_bytes(content)
    assert disks.steps_in(tmp_path / "read", "global_gradient_norm") == list(range(100))


def test_disk_that_becomes_full_costs_one_warning(tmp_path, monkeypatch):
    files, opened = [], EventFile._open
    monkeypatch.setattr(EventFile, "_open", lambda f: files.append(f) or opened(f))
    loggers = [GradientLogger(tmp_path, every=1), HyperparameterLogger(tmp_path)]
    fill = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epoch == 1 and disks.fill(files[0])
    )
    _, ours = fit([*loggers, fill], epochs=3)
    assert len(ours) == 1
    assert "No space left" in ours[0]
    lost, offered = counts_of(*ours)
    written = [e for e in disks.events_in(tmp_path) if e.summary.value]
    assert lost == offered - len(written)


class Trouble(Exception):
    pass


def raise_trouble(*_):
    raise Trouble


ENDINGS = {
    "epoch": {"on_epoch_end": lambda epoch, logs: epoch and raise_trouble()},
    "validation": {"on_test_end": raise_trouble},
    "batch": {"on_train_batch_end": lambda batch, logs: batch == 3 and raise_trouble()},
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["gradients", "uncertainty", "evaluation"])
def test_when_a_training_fails_all_is_in_the_log(name, ending, tmp_path):
    logger = LOGGERS[name](tmp_path)
    trouble = keras.callbacks.LambdaCallback(**ENDINGS[ending])
    arguments = {"validation_data": (X, Y)} if ending == "validation" else {}
    with pytest.raises(Trouble):
        classifier().fit(
            X, Y, 4, epochs=3, verbose=0, callbacks=[logger, trouble], **arguments
        )
    if name == "gradients":
        steps = {"epoch": 8, "validation": 4, "batch": 4}[ending]
        assert logger.history.steps.tolist() == list(range(steps))
        assert disks.steps_in(tmp_path, "global_gradient_norm") == list(range(steps))
    else:
        epochs = {"epoch": [0, 1], "validation": [], "batch": []}[ending]
        tag = {"uncertainty": "mc_nll", "evaluation": "epoch_loss"}[name]
        assert logger.history.get("epoch", []) == epochs
        assert disks.steps_in(tmp_path, tag) == epochs
