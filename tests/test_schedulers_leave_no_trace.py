"""While a schedule runs files are plain; after it the optimizer is the user's."""

import copy
import functools
import gc
import pickle
import weakref

import keras
import models
import numpy as np
import pytest
from test_leaves_no_trace import Raises
from test_leaves_no_trace import Trouble
from test_leaves_no_trace import assert_same
from test_leaves_no_trace import load_elsewhere
from test_leaves_no_trace import mentions_us

from keras_extras.callbacks import ExponentialDecayScheduler
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import HyperparameterScheduler
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler
from keras_extras.callbacks import PiecewiseConstantScheduler
from keras_extras.callbacks import PowerScheduler
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.schedules import Interpolation

optimizers = keras.optimizers
BATCHES = 5  # of each epoch


def make(optimizer=None, **arguments):
    optimizer = optimizer or optimizers.SGD(0.01, momentum=0.8)
    return models.make("sequential_mlp", optimizer=optimizer, **arguments)


def callbacks():
    return [
        OneCycleScheduler(max_rate=0.1),
        ExponentialDecayScheduler(20),
        PerformanceScheduler(patience=1, every=2),
        HyperparameterScheduler("ema_momentum", Interpolation([0, 9], [0.1, 0.9])),
    ]


def fit(model, x, y, used=(), epochs=1, **arguments):
    return model.fit(
        x,
        y,
        batch_size=models.BATCH,
        epochs=epochs,
        shuffle=False,
        callbacks=list(used),
        verbose=0,
        **arguments,
    )


def assert_plain(model, attributes):
    optimizer = model.optimizer
    assert set(vars(optimizer)) == attributes
    assert type(optimizer.momentum) is float
    assert optimizer.momentum == 0.8
    assert type(optimizer.ema_momentum) is float
    assert isinstance(optimizer._learning_rate, keras.Variable)
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    assert not mentions_us(vars(model)["train_function"])


def assert_trains_like_a_new_one(model):
    """Trains from fixed weights, so that what went before has no part."""
    start, x, y = make()
    for variable, value in zip(model.variables, start.variables, strict=True):
        variable.assign(value)
    for variable in model.optimizer.variables:
        if variable.path.endswith("momentum") or variable.path.endswith("iteration"):
            variable.assign(np.zeros(variable.shape, variable.dtype))
    fit(model, x, y)
    assert_same(model.get_weights(), weights_of_a_new_one())


@functools.cache
def weights_of_a_new_one():
    model, x, y = make()
    fit(model, x, y)
    return model.get_weights()


def built():
    model, x, y = make()
    model.optimizer.build(model.trainable_variables)
    return model, x, y, set(vars(model.optimizer))


def test_after_fit_the_optimizer_is_as_before():
    model, x, y, attributes = built()
    fit(model, x, y, callbacks(), epochs=2)
    assert_plain(model, attributes)
    assert_trains_like_a_new_one(model)


def test_train_function_of_a_model_that_was_trained_before_is_back():
    model, x, y, attributes = built()
    fit(model, x, y)
    own = model.train_function
    fit(model, x, y, callbacks())
    assert model.train_function is own
    assert_plain(model, attributes)
    assert_trains_like_a_new_one(model)


def test_first_fit_does_not_leave_its_momentum_in_the_compiled_step():
    model, x, y, _ = built()
    fit(model, x, y, [HyperparameterScheduler("momentum", lambda t: 0.1)])
    assert_trains_like_a_new_one(model)


FAILURES = {
    "on_train_begin": Trouble,
    "on_epoch_begin": Trouble,
    "on_train_batch_begin": Trouble,
    "on_train_batch_end": KeyboardInterrupt,
    "on_test_begin": Trouble,
    "on_test_batch_begin": KeyboardInterrupt,
    "on_test_end": Trouble,
    "on_epoch_end": Trouble,
    "on_train_end": Trouble,
}


class FailsIn(keras.callbacks.Callback):
    def __init__(self, hook, error):
        super().__init__()
        self.error = error
        setattr(self, hook, self.fail)

    def fail(self, *args, **kwargs):
        raise self.error


def test_after_an_exception_in_any_hook_of_another_callback():
    model, x, y, attributes = built()
    for hook, error in FAILURES.items():
        first, *rest = callbacks()
        used = [first, FailsIn(hook, error), *rest]
        with pytest.raises(error) as caught:
            fit(model, x, y, used, validation_data=(x, y))
        assert caught.tb is not None, hook  # the frames of `fit` are alive still
        assert_plain(model, attributes)
    assert_trains_like_a_new_one(model)


def test_after_an_exception_in_the_data():
    model, x, y, attributes = built()

    def rows():
        yield x[:8], y[:8]
        yield x[8:16], y[8:16]
        raise Trouble

    used = [OneCycleScheduler(9, max_rate=0.1)]
    # TensorFlow has an error of its own, which tells of ours.
    with pytest.raises(Exception) as caught:  # noqa: PT011
        model.fit(rows(), shuffle=False, callbacks=used, verbose=0)
    assert "Trouble" in f"{caught.value!r} {caught.value}"
    assert_plain(model, attributes)
    assert_trains_like_a_new_one(model)


def test_after_an_exception_in_the_validation_data():
    model, x, y, attributes = built()

    def rows():
        yield x[:8], y[:8]
        raise Trouble

    used = [OneCycleScheduler(9, max_rate=0.1)]
    failed = False
    try:
        fit(model, x, y, used, validation_data=rows())
    except Trouble:
        failed = True
    # Keras asks for the first batch where no callback is told of the failure; what
    # is freed with the `fit` that failed, once nobody holds its traceback, puts back.
    gc.collect()
    assert failed
    assert_plain(model, attributes)


def test_the_same_callbacks_work_after_an_exception():
    model, x, y, _ = built()
    used = [*callbacks(), HyperparameterLogger()]
    with pytest.raises(Trouble):
        fit(model, x, y, [*used, Raises("on_train_batch_end")])
    again, x, y, _ = built()
    fit(again, x, y, used, epochs=2)
    fresh, x, y, _ = built()
    fit(fresh, x, y, callbacks(), epochs=2)
    assert_same(again.get_weights(), fresh.get_weights())


def test_left_at_the_last_values_on_request():
    model, x, y, _ = built()
    fit(model, x, y, [OneCycleScheduler(max_rate=0.1, restore=False)], epochs=2)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-5, rel=1e-4)
    assert type(model.optimizer.momentum) is float
    assert model.optimizer.momentum == pytest.approx(0.95)
    logger = HyperparameterLogger()
    fit(model, x, y, [logger])
    np.testing.assert_allclose(logger.history.learning_rate, 1e-5, rtol=1e-4)
    np.testing.assert_allclose(logger.history.momentum, 0.95, rtol=1e-6)


def schedule():
    return optimizers.schedules.CosineDecay(0.1, 50)


@pytest.mark.parametrize(("rate", "wrapped"), [(0.01, True), ("schedule", False)])
def test_files_saved_in_mid_training_are_plain(tmp_path, rate, wrapped):
    def optimizer():
        adam = optimizers.Adam(schedule() if rate == "schedule" else rate)
        return optimizers.LossScaleOptimizer(adam) if wrapped else adam

    model, x, y = make(optimizer())
    plain, _, _ = make(optimizer())
    backup = keras.callbacks.BackupAndRestore(
        str(tmp_path / "backup"), save_freq=2, delete_checkpoint=False
    )
    checkpoint = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "{batch}.keras"), save_freq=2
    )
    state = {}

    class Keeps(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            state[batch] = [
                *self.model.get_weights(),
                *[np.array(v) for v in self.model.optimizer.variables],
            ]

    drive = [OneCycleScheduler(max_rate=0.1), ExponentialDecayScheduler(20)]
    fit(model, x, y, [*drive, Keeps(), checkpoint, backup])
    assert_same(load_elsewhere(tmp_path / "4.keras", tmp_path), state[3])
    loaded = keras.models.load_model(tmp_path / "4.keras")
    assert loaded.optimizer.get_config() == plain.optimizer.get_config()
    plain.optimizer.build(plain.trainable_variables)
    plain.load_weights(tmp_path / "backup" / "latest.weights.h5")
    assert_same([np.array(v) for v in plain.optimizer.variables], state[3][6:])


def test_copy_of_a_driven_model_is_plain():
    copies = []

    class Copies(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            optimizer = self.model.optimizer
            copies.extend([copy.deepcopy(optimizer.momentum), optimizer.get_config()])
            copies.append(pickle.loads(pickle.dumps(optimizer.momentum)))

    model, x, y = make()
    fit(model, x, y, [OneCycleScheduler(max_rate=0.1), Copies()])
    assert type(copies[0]) is float
    assert copies[0] == 0.8
    assert type(copies[2]) is float
    assert copies[1] == make()[0].optimizer.get_config()


@pytest.mark.parametrize(
    "original",
    [
        OneCycleScheduler(max_rate=0.1),
        ExponentialDecayScheduler(20),
        PowerScheduler(20),
        PiecewiseConstantScheduler([3], [0.1, 0.01]),
        PerformanceScheduler(patience=1, every=2),
        HyperparameterScheduler("momentum", Interpolation([0, 9], [0.1, 0.9])),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_callback_can_be_copied_and_pickled(original):
    weights = []
    for used in (original, copy.deepcopy(original), copy.deepcopy(original)):
        duplicate = pickle.loads(pickle.dumps(used))
        model, x, y = make()
        fit(model, x, y, [duplicate], epochs=2)
        weights.append(model.get_weights())
        fit(model, x, y, [original])
    assert_same(weights[0], weights[1])
    assert_same(weights[0], weights[2])


def test_callbacks_do_not_keep_the_model_alive():
    model, x, y = make()
    used = callbacks()
    fit(model, x, y, used)
    for callback in used:
        callback.set_model(None)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_sampled_and_plain_steps_see_the_same_schedule():
    weights = []
    for diagnose in (False, True):
        model, x, y = make()
        used = [OneCycleScheduler(max_rate=0.1)]
        if diagnose:
            used = [
                TrainingDiagnostics(every=3, verbose=0),
                *used,
                GradientLogger(every=2),
            ]
        fit(model, x, y, used, epochs=3)
        weights.append(model.get_weights())
        # The traces of the last `fit` are of no use without its schedule.
        fit(model, x, y, [c for c in used if not isinstance(c, OneCycleScheduler)])
        weights.append(model.get_weights())
    assert_same(weights[0], weights[2])
    assert_same(weights[1], weights[3])
