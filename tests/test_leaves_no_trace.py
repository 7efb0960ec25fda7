"""After training, whatever ended it, the model is as the user made it."""

import copy
import functools
import gc
import pickle
import subprocess
import sys
import weakref

import keras
import models
import numpy as np
import pytest
from backend_in_use import JIT
from backend_in_use import NAME
from backend_in_use import in_an_inspection

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics


class Trouble(Exception):
    pass


class Raises(keras.callbacks.Callback):
    """Raises in one hook: in the third batch, or at the end of the epoch."""

    def __init__(self, hook, error=Trouble):
        super().__init__()
        setattr(self, hook, self.fail)
        self.error = error
        self.armed = True

    def fail(self, number, logs=None):
        if self.armed and (number == 2 or "val_loss" in (logs or {})):
            self.armed = False
            raise self.error


class FailingStep(models.Subclassed):
    """Fails once while its training step is traced, or runs on torch."""

    armed = True

    def train_step(self, *arguments):
        result = super().train_step(*arguments)
        if FailingStep.armed and not in_an_inspection():
            FailingStep.armed = False
            raise Trouble
        return result


def callbacks(diagnostics=2, activations=3):
    """Returns one of each; by default some steps are sampled by some of them only."""
    return [
        TrainingDiagnostics(every=diagnostics, verbose=0),
        GradientLogger(every=1),
        ActivationLogger(every=activations),
        HyperparameterLogger(),
    ]


def callbacks_of_one_step():
    """Returns callbacks that all sample each step: one form of it to compile."""
    return callbacks(diagnostics=1, activations=1)


def parts_of(model):
    return [model, model.optimizer, *model._flatten_layers(include_self=False)]


def overrides(model):
    """Returns what instances hold under the names that could be overridden."""
    names = ("call", "__call__", "apply", "train_step", "make_train_function")
    return [[vars(part).get(name) for name in names] for part in parts_of(model)]


def assert_untouched(model, own_function):
    assert all(held is None for row in overrides(model) for held in row)
    now = vars(model)["train_function"]
    assert now is own_function or not mentions_us(now)


def mentions_us(function):
    """Whether a function, or anything that it closes over, is of this package."""
    seen, waiting = set(), [function]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or each is None:
            continue
        seen.add(id(each))
        if str(getattr(each, "__module__", "")).startswith("keras_extras"):
            return True
        waiting += [
            getattr(each, name, None)
            for name in ("__wrapped__", "__self__", "__func__", "python_function")
        ]
        for cell in getattr(each, "__closure__", None) or ():
            waiting.append(cell.cell_contents)
    return False


def fit(model, x, y, callbacks=(), **arguments):
    model.fit(
        x,
        y,
        batch_size=models.BATCH,
        shuffle=False,
        callbacks=list(callbacks),
        verbose=0,
        **arguments,
    )


def weights_after_one_more_fit(model, x, y, callbacks=()):
    """Trains on from fixed weights, so that what went before has no part."""
    keras.utils.set_random_seed(3)
    fresh, _, _ = models.make("sequential_mlp")
    for variable, value in zip(model.variables, fresh.variables, strict=True):
        variable.assign(value)
    fit(model, x, y, callbacks)
    return model.get_weights()


@functools.cache
def expected_after_one_more_fit():
    model, x, y = models.make("sequential_mlp")
    fit(model, x, y)
    return model.get_weights()


def assert_same(ours, theirs):
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def assert_trains_on(model, x, y, used):
    expected = expected_after_one_more_fit()
    assert_same(weights_after_one_more_fit(model, x, y), expected)
    samples = len(used[1].history)
    assert_same(weights_after_one_more_fit(model, x, y, used), expected)
    assert len(used[1].history) == samples + 5
    assert_untouched(model, None)


def test_after_fit_the_model_is_as_before():
    model, x, y = models.make("sequential_mlp")
    fit(model, x, y)
    own_function = vars(model)["train_function"]
    attributes = set(vars(model))
    used = callbacks()
    fit(model, x, y, used)
    assert vars(model)["train_function"] is own_function
    assert set(vars(model)) == attributes
    assert_untouched(model, own_function)
    assert_trains_on(model, x, y, used)


def test_model_that_was_never_trained_before_keeps_a_plain_train_function():
    model, x, y = models.make("nested")
    fit(model, x, y, callbacks())
    assert_untouched(model, None)


@pytest.mark.parametrize(
    ("hook", "error"),
    [
        ("on_train_batch_begin", Trouble),
        ("on_train_batch_end", KeyboardInterrupt),
        ("on_test_batch_begin", Trouble),
        ("on_epoch_end", Trouble),
    ],
)
def test_after_an_exception_in_another_callback(hook, error):
    model, x, y = models.make("sequential_mlp")
    used = callbacks_of_one_step()
    with pytest.raises(error):
        fit(model, x, y, [*used, Raises(hook, error)], validation_data=(x, y))
    assert_untouched(model, None)
    assert_trains_on(model, x, y, used)


def test_after_an_exception_in_a_callback_listed_first():
    model, x, y = models.make("sequential_mlp")
    used = callbacks_of_one_step()
    with pytest.raises(Trouble):
        fit(model, x, y, [Raises("on_train_batch_begin"), *used])
    assert_untouched(model, None)
    assert_trains_on(model, x, y, used)


def test_after_an_exception_in_the_data():
    model, x, y = models.make("sequential_mlp")
    used = callbacks_of_one_step()

    def rows():
        yield x[:8], y[:8]
        yield x[8:16], y[8:16]
        raise Trouble

    # TensorFlow has an error of its own, which tells of ours.
    with pytest.raises(Exception) as caught:  # noqa: PT011
        model.fit(rows(), shuffle=False, callbacks=used, verbose=0)
    assert "Trouble" in f"{caught.value!r} {caught.value}"
    assert_untouched(model, None)
    assert_trains_on(model, x, y, used)


def test_after_an_exception_in_train_step():
    FailingStep.armed = True
    model = FailingStep()
    model.compile("sgd", "mse", jit_compile=JIT)
    _, x, y = models.make("subclassed")
    used = callbacks_of_one_step()
    with pytest.raises(Trouble):
        fit(model, x, y, used)
    assert not FailingStep.armed
    assert_untouched(model, None)
    # Keras itself has half-made metrics after a trace that failed, and on JAX variables
    # without values.
    model = FailingStep() if NAME == "jax" else model
    model.compile("sgd", "mse", jit_compile=JIT)
    fit(model, x, y)
    fit(model, x, y, used)
    assert_untouched(model, None)
    assert len(used[1].history) == 5


LOADS = """
import sys
import keras
import numpy as np

model = keras.models.load_model(sys.argv[1])
state = [np.array(v) for v in model.optimizer.variables]
np.savez(sys.argv[2], *model.get_weights(), *state)
assert not [name for name in sys.modules if name.startswith("keras_extras")]
"""


def load_elsewhere(path, tmp_path):
    """Returns the weights that a process without this package reads."""
    out = tmp_path / "weights.npz"
    subprocess.run(
        [sys.executable, "-c", LOADS, str(path), str(out)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    with np.load(out) as arrays:
        return [arrays[name] for name in arrays]


class SavesInBetween(keras.callbacks.Callback):
    """Calls `model.save` before and after each batch."""

    def __init__(self, directory):
        super().__init__()
        self.directory = directory

    def on_train_batch_begin(self, batch, logs=None):
        self.model.save(self.directory / f"begin{batch}.keras")

    def on_train_batch_end(self, batch, logs=None):
        self.model.save(self.directory / f"end{batch}.keras")
        self.weights = [
            *self.model.get_weights(),
            *[np.array(v) for v in self.model.optimizer.variables],
        ]


def test_files_saved_in_mid_training_load_without_this_package(tmp_path):
    model, x, y = models.make("sequential_mlp", optimizer="adam")
    checkpoint = tmp_path / "checkpoint{batch}.keras"
    saver = SavesInBetween(tmp_path)
    fit(
        model,
        x,
        y,
        [
            *callbacks(),
            saver,
            keras.callbacks.ModelCheckpoint(str(checkpoint), save_freq=2),
            keras.callbacks.BackupAndRestore(str(tmp_path / "backup"), save_freq=2),
        ],
    )
    assert_same(load_elsewhere(tmp_path / "end4.keras", tmp_path), saver.weights)
    for batch in (0, 2):
        mine = keras.models.load_model(tmp_path / f"end{batch}.keras")
        other = keras.models.load_model(tmp_path / f"begin{batch + 1}.keras")
        assert_same(mine.get_weights(), other.get_weights())
    for batch in (2, 4):
        written = keras.models.load_model(str(checkpoint).format(batch=batch))
        end = keras.models.load_model(tmp_path / f"end{batch - 1}.keras")
        assert_same(written.get_weights(), end.get_weights())


def test_backup_restores_to_the_same_weights(tmp_path):
    backup = str(tmp_path / "backup")
    model, x, y = models.make("sequential_mlp")
    with pytest.raises(Trouble):
        fit(
            model,
            x,
            y,
            [
                *callbacks(),
                keras.callbacks.BackupAndRestore(backup, save_freq=2),
                Raises("on_train_batch_end"),
            ],
        )
    resumed, x, y = models.make("sequential_mlp")
    without = keras.callbacks.BackupAndRestore(backup, save_freq=2)
    without.set_model(resumed)
    without.on_train_begin()
    straight, x, y = models.make("sequential_mlp")
    fit(straight, x[:16], y[:16])
    assert_same(resumed.get_weights(), straight.get_weights())


def test_saved_model_equals_one_saved_without_callbacks():
    with_ours, x, y = models.make("nested")
    fit(with_ours, x, y, callbacks())
    plain, x, y = models.make("nested")
    fit(plain, x, y)
    assert with_ours.get_config() == plain.get_config()
    assert_same(with_ours.get_weights(), plain.get_weights())
    assert [v.path for v in with_ours.variables] == [v.path for v in plain.variables]


def test_callbacks_can_be_copied_and_pickled_before_fit():
    originals = callbacks()
    copied = [copy.deepcopy(original) for original in originals]
    pickled = [pickle.loads(pickle.dumps(original)) for original in originals]
    model, x, y = models.make("sequential_mlp")
    fit(model, x, y, [*copied, *pickled])
    for original, *duplicates in zip(originals, copied, pickled, strict=True):
        for duplicate in duplicates:
            assert type(duplicate) is type(original)
            assert duplicate.every == original.every
            assert len(duplicate.history) > 1
        assert len(original.history) == 0


@pytest.fixture(scope="module")
def used_callbacks():
    model, x, y = models.make("sequential_mlp")
    used = callbacks()
    fit(model, x, y, used)
    return used


@pytest.mark.parametrize("index", range(4))
def test_callback_can_be_copied_after_fit(used_callbacks, index):
    original = used_callbacks[index]
    duplicate = copy.deepcopy(original)
    assert duplicate.history.steps.tolist() == original.history.steps.tolist()
    for name in original.history:
        np.testing.assert_array_equal(duplicate.history[name], original.history[name])
    duplicate.history.extend(np.array([99]), {})
    assert 99 not in original.history.steps


def test_callbacks_do_not_keep_the_model_alive():
    model, x, y = models.make("sequential_mlp")
    fit(model, x, y, callbacks())
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None
