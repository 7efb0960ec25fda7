"""The end of a `fit` is heard of at once on torch, whatever ends it.

The exception is held meanwhile, and no garbage is collected.
"""

import gc

import keras
import numpy as np
import pytest
import torch_models as models

from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.keras_internals.fit_guard import FitGuard
from keras_extras.keras_internals.running_fit import callbacks_of_fit


class Trouble(Exception):
    pass


class Joins(keras.callbacks.Callback):
    """Watches its `fit`, twice as two callbacks of ours would."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_train_begin(self, logs=None):
        for name in ("first", "second"):
            guard = FitGuard(lambda: None, lambda name=name: self.ends.append(name))
            guard.watch(callbacks_of_fit())


class Raises(keras.callbacks.Callback):
    def __init__(self, hook, error=Trouble, stops=False):
        super().__init__()
        self.error, self.stops = error, stops
        setattr(self, hook, self.fail)

    def fail(self, number, logs=None):
        if self.stops:
            self.model.stop_training = True
        if number == 2 or "val_loss" in (logs or {}):
            raise self.error


class FailsInTraining(models.Net):
    batches = 0

    def train_step(self, data):
        self.batches += 1
        if self.batches == 3:
            raise KeyboardInterrupt
        return super().train_step(data)


class FailsInTesting(models.Net):
    def test_step(self, data):
        raise Trouble


def net(kind=models.Net):
    model = kind()
    model.compile("sgd", "mse")
    return model


@pytest.fixture(autouse=True)
def no_garbage_is_collected():
    gc.disable()
    yield
    gc.enable()


def fit(model, x, y, callbacks, error, **arguments):
    """Returns the exception that ends `fit`, with all frames that it came through."""
    with pytest.raises(error) as raised:
        model.fit(x, y, batch_size=8, callbacks=callbacks, verbose=0, **arguments)
    return raised


def assert_ended(joins, model):
    assert sorted(joins.ends) == ["first", "second"]
    iterator = getattr(model, "_eval_epoch_iterator", None)
    if iterator is not None:
        assert not hasattr(iterator, "keras_extras_watch")
        assert type(iterator).__module__.startswith("keras.")


@pytest.mark.parametrize("traceback", ["filtered", "whole"])
@pytest.mark.parametrize(
    ("hook", "error"),
    [
        ("on_train_batch_begin", Trouble),
        ("on_train_batch_begin", KeyboardInterrupt),
        ("on_train_batch_end", Trouble),
        ("on_test_batch_begin", Trouble),
        ("on_test_batch_end", KeyboardInterrupt),
        ("on_epoch_end", Trouble),
    ],
)
def test_exceptions_in_another_callback(hook, error, traceback):
    model, joins = net(), Joins()
    if traceback == "whole":
        keras.config.disable_traceback_filtering()
    try:
        callbacks = [joins, Raises(hook, error)]
        raised = fit(model, *models.data(), callbacks, error, validation_split=0.5)
    finally:
        keras.config.enable_traceback_filtering()
    assert_ended(joins, model)
    assert raised.value is not None


def test_exception_after_training_was_to_stop():
    model, joins = net(), Joins()
    callbacks = [joins, Raises("on_train_batch_end", stops=True)]
    x, y = models.data()
    model.fit(x, y, batch_size=8, callbacks=callbacks, verbose=0)  # stops at once
    assert joins.ends == ["first", "second"]
    joins.ends.clear()
    callbacks[1].fail = None

    class RaisesAtOnce(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True
            raise Trouble

    raised = fit(model, x, y, [joins, RaisesAtOnce()], Trouble)
    assert_ended(joins, model)
    assert raised.value is not None


@pytest.mark.parametrize(
    ("kind", "error"), [(FailsInTraining, KeyboardInterrupt), (FailsInTesting, Trouble)]
)
def test_exceptions_in_a_step(kind, error):
    model, joins = net(kind), Joins()
    raised = fit(model, *models.data(), [joins], error, validation_split=0.5)
    assert_ended(joins, model)
    assert raised.value is not None


def failing_rows():
    x, y = models.data()
    yield x[:8], y[:8]
    yield x[8:16], y[8:16]
    raise Trouble


@pytest.mark.parametrize("what", ["training", "validation"])
def test_exceptions_in_the_data(what):
    model, joins = net(), Joins()
    x, y = models.data()
    arguments = {"x": failing_rows(), "shuffle": False}
    if what == "validation":
        arguments = {"x": x, "y": y, "validation_data": failing_rows()}
    with pytest.raises(Trouble) as raised:
        model.fit(**arguments, callbacks=[joins], verbose=0)
    assert_ended(joins, model)
    assert raised.value is not None


def test_what_no_loop_and_no_hook_encloses_ends_with_the_exception():
    model, joins = net(), Joins()
    x, y = models.data()
    try:
        model.fit(x, y, validation_data=(x, y[:3]), callbacks=[joins], verbose=0)
    except ValueError:
        pass
    else:
        pytest.fail("Keras took data of two lengths")
    assert_ended(joins, model)


class StopsIn(keras.callbacks.Callback):
    """Leaves loops before the data has ended, in training and in validation."""

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch == 1

    def on_test_batch_end(self, batch, logs=None):
        self.model.stop_evaluating = True


class Notes(keras.callbacks.Callback):
    """Notes how often the end was heard of by the end of the epoch."""

    def __init__(self, joins):
        super().__init__()
        self.joins = joins
        self.ends = None

    def on_epoch_end(self, epoch, logs=None):
        self.ends = list(self.joins.ends)


def test_a_loop_that_is_left_by_a_break_is_no_end():
    model, joins = net(), Joins()
    notes = Notes(joins)
    x, y = models.data()
    callbacks = [joins, StopsIn(), notes]
    model.fit(x, y, batch_size=4, validation_split=0.5, callbacks=callbacks, verbose=0)
    assert notes.ends == []
    assert joins.ends == ["first", "second"]


def test_an_ordinary_fit_ends_once_and_its_iterators_are_free():
    model, joins = net(), Joins()
    x, y = models.data()
    for _ in range(2):
        joins.ends.clear()
        model.fit(x, y, epochs=2, validation_split=0.5, callbacks=[joins], verbose=0)
        assert_ended(joins, model)


def test_after_an_exception_nothing_of_the_diagnostics_is_on_the_model():
    model = net(FailsInTraining)
    before = set(vars(model))
    diagnostics = TrainingDiagnostics(every=1, verbose=0)
    raised = fit(model, *models.data(), [diagnostics], KeyboardInterrupt)
    assert set(vars(model)) - before <= {
        *("train_function", "history", "batches"),
        "_eval_epoch_iterator",  # of Keras, empty
    }
    assert vars(model)["train_function"].__module__.startswith("keras.")
    for part in (model, model.optimizer, *model.layers):
        assert not {"call", "apply", "compute_loss"} & set(vars(part))
    assert len(diagnostics.history) == 2
    assert diagnostics._session is None
    assert raised.value is not None
    x, y = models.data()
    model.batches = 10  # so that it fails no more
    before = np.array(model.hidden.kernel)
    model.fit(x, y, callbacks=[diagnostics], verbose=0)
    assert np.any(np.array(model.hidden.kernel) != before)
