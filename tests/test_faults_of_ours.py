"""A fault of ours, wherever it is, never ends a training nor changes it."""

import contextlib
import functools
import importlib
import inspect
import pkgutil
import sys
import warnings

import keras
import numpy as np
import other_backends
import pytest
from backend_in_use import JIT

import keras_extras.backends
import keras_extras.inspection
from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics

PACKAGES = (keras_extras.inspection, keras_extras.backends)
# These run in place of the user's train function, or hand it its batch; what they do
# when something within them fails is tested, and they are all there is.
WHAT_HOLDS_THE_BOUNDARY = {
    "Inspector.train",
    "Inspector._train",
    "Inspector._again",
    "Inspector._data_again",
    "Inspector._before",
    "Inspector._after",
    "Inspector._fetch",
    "Inspector._refuse",
    "Inspector._wait",
    "Inspector._count",
    "MonitoringSession._cannot_inspect",
    "MonitoringSession._run",
    "MonitoringSession._fit_ended",
    "MonitoringSession._train_function_returned",
    "StayingSubstitute.__call__",
    "Substitute.__call__",
    "Substitute.disarm",
    "Substitute.remove",
    "BatchRing._keep",
    "BatchRing._keeping",
    "_Passing.__init__",
    "_Passing.__iter__",
    "_Passing.__next__",
    "batch_ring._called",
    "VariablesHoldState.join",
    "VariablesHoldState.outcome",
    "JaxBackend.join",
    "JaxBackend.outcome",
    "warn_keeps_no_more",
    "place_of",
    "warn_cannot_inspect",
    "warn_switched_off",
}


# A call of the model beside its training may fail for reasons of the model's own. What
# it would have shown is then left out, without a word.
WHAT_MAY_FAIL_IN_SILENCE = {"dry_inference.run_dry"}


class Injected(Exception):
    pass


def modules():
    """Returns the modules of the engine that this backend has."""
    for package in PACKAGES:
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not other_backends.OTHERS & set(info.name.split(".")):
                yield importlib.import_module(info.name)


def functions():
    """Returns owner, name and function of all functions and methods of the engine."""
    for module in modules():
        for name, value in list(vars(module).items()):
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(value):
                yield module, name, value
            elif inspect.isclass(value):
                for method, function in vars(value).items():
                    getter = inspect.unwrap(getter_of(function))
                    if inspect.isfunction(getter) and is_in(getter, module):
                        yield value, method, function


def is_in(function, module):
    """Returns whether a function is written in a module, not made by a decorator."""
    return function.__code__.co_filename == module.__file__


def getter_of(function):
    if isinstance(function, property):
        return function.fget
    return getattr(function, "func", getattr(function, "__func__", function))


class Training:
    """One model that trains again and again from the same weights."""

    def __init__(self):
        self.renew()

    def renew(self):
        keras.utils.set_random_seed(0)
        layers = [
            keras.Input((3,)),
            keras.layers.Dense(4, "relu"),
            keras.layers.Dense(2),
        ]
        self.model = keras.Sequential(layers)
        self.model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=JIT)
        self.x = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
        self.start = self.model.get_weights()
        self.plain = self.fit([])

    def fit(self, callbacks):
        self.model.set_weights(self.start)
        self.model.optimizer.iterations.assign(0)
        self.model.fit(
            self.x,
            self.x[:, :2],
            batch_size=4,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
        return self.model.get_weights()

    def is_clean(self):
        parts = [self.model, *self.model.layers, self.model.optimizer]
        names = ("call", "apply", "compute_loss", "train_step")
        left = [(p, n) for p in parts for n in names if n in vars(p)]
        own = vars(self.model)["train_function"]
        return not left and not type(own).__module__.startswith("keras_extras")


@pytest.fixture(scope="module")
def training():
    return Training()


def callbacks():
    return [
        TrainingDiagnostics(every=2, verbose=0),
        GradientLogger(every=1, histograms=True),
        ActivationLogger(every=3, histograms=True),
        HyperparameterLogger(),
    ]


def called_in_a_training(training):
    """Returns the code of all functions that run in a training with callbacks."""
    seen = set()

    def profile(frame, event, argument):
        if event == "call":
            seen.add(frame.f_code)

    made = callbacks()  # what fails there fails before training
    sys.setprofile(profile)
    try:
        training.fit(made)
    finally:
        sys.setprofile(None)
    return seen


@contextlib.contextmanager
def fault_in(owner, name, function, call):
    """Makes the call of that number of a function fail, and all after it."""
    count = 0

    def failing(*args, **kwargs):
        nonlocal count
        count += 1
        if count >= call:
            raise Injected(name)
        return getter(*args, **kwargs)

    getter = getter_of(function)
    failing = functools.wraps(getter)(failing)
    if isinstance(function, property):
        replaced = property(failing)
    elif isinstance(function, functools.cached_property):
        replaced = functools.cached_property(failing)
        replaced.__set_name__(owner, name)
    elif isinstance(function, classmethod | staticmethod):
        replaced = type(function)(failing)
    else:
        replaced = failing
    holders = [(owner, name)]
    if inspect.ismodule(owner):  # others may have imported it by name
        ours = [m for n, m in sys.modules.items() if n.startswith("keras_extras")]
        holders = [(m, k) for m in ours for k, v in vars(m).items() if v is function]
    for holder, attribute in holders:
        setattr(holder, attribute, replaced)
    try:
        yield
    finally:
        for holder, attribute in holders:
            setattr(holder, attribute, function)


@pytest.mark.parametrize("call", [1, 2])
def test_fault_in_any_function_of_the_engine(training, call):
    seen = called_in_a_training(training)
    ended, changed, left, silent, tried = [], [], [], [], 0
    for owner, name, function in functions():
        where = f"{owner.__name__.rsplit('.')[-1]}.{name}"
        if inspect.unwrap(getter_of(function)).__code__ not in seen:
            continue
        if where in WHAT_HOLDS_THE_BOUNDARY or name in WHAT_HOLDS_THE_BOUNDARY:
            continue
        tried += 1
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            made = callbacks()
            with fault_in(owner, name, function, call):
                try:
                    weights = training.fit(made)
                except Exception as error:
                    ended.append((where, repr(error)))
                    training.renew()  # variables have lost their values on JAX
                    continue
        if not all(np.array_equal(a, b) for a, b in zip(weights, training.plain)):
            changed.append(where)
        if not training.is_clean():
            left.append(where)
        about_us = [
            w for w in said if "keras_extras" in str(w.message) or "`" in str(w)
        ]
        if call == 1 and not about_us and where not in WHAT_MAY_FAIL_IN_SILENCE:
            silent.append(where)
    assert tried > 80
    assert not ended
    assert not changed
    assert not left
    assert not silent
