"""Under `tf.distribute`, what steers the optimizer does what it does on one device."""

import os
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = """
import contextlib
import sys

import keras
import numpy as np
import tensorflow as tf

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from keras_extras.callbacks import ExponentialDecayScheduler
from keras_extras.callbacks import FreezeUnfreeze
from keras_extras.callbacks import InferenceModeEvaluation
from keras_extras.callbacks import LearningRateFinder
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler

CASES = {
    "one_cycle": lambda: OneCycleScheduler(max_rate=0.05),
    "exponential": lambda: ExponentialDecayScheduler(decay_steps=8),
    "performance": lambda: PerformanceScheduler("loss", min_delta=9.0, patience=1),
    "performance_of_steps": lambda: PerformanceScheduler(
        every=3, min_delta=9.0, patience=1
    ),
    "unfreeze": lambda: FreezeUnfreeze(2, learning_rate=0.01),
    "evaluation": lambda: InferenceModeEvaluation(),
    "finder": lambda: LearningRateFinder(steps=15, stop_factor=None),
}
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)


def train(callback, scope):
    keras.utils.clear_session(free_memory=False)
    with scope:
        keras.utils.set_random_seed(3)
        hidden = keras.layers.Dense(6, activation="tanh")
        model = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(1)])
        optimizer = keras.optimizers.SGD(0.02, momentum=0.9)
        model.compile(optimizer, "mse", jit_compile=False)
    history = model.fit(
        x, y, batch_size=8, epochs=4, shuffle=False, verbose=0, callbacks=[callback]
    )
    found = dict(history.history)
    if isinstance(callback, LearningRateFinder):
        found["loss"] = callback.sweep.losses
    return np.concatenate([w.ravel() for w in model.get_weights()]), found


results = {}
for name, make in CASES.items():
    for where in ("one", "two"):
        scope = contextlib.nullcontext() if where == "one" else strategy.scope()
        weights, logs = train(make(), scope)
        results[f"{name}/{where}/weights"] = weights
        for key, values in logs.items():
            results[f"{name}/{where}/{key}"] = values
np.savez(sys.argv[1], **results)
"""

CASES = [
    "one_cycle",
    "exponential",
    "performance",
    "performance_of_steps",
    "unfreeze",
    "evaluation",
    "finder",
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What a process with two devices found: arrays by case, devices and name."""
    place = tmp_path_factory.mktemp("steering") / "results.npz"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, place],
        capture_output=True,
        text=True,
        timeout=400,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(place) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("case", CASES)
def test_two_devices_train_as_one(results, case):
    names = [n for n in results if n.startswith(f"{case}/one/")]
    assert len(names) >= 2
    for name in names:
        other = results[name.replace("/one/", "/two/")]
        assert np.isfinite(other).all()
        np.testing.assert_allclose(other, results[name], rtol=1e-4, atol=1e-5)


def test_cases_differ(results):
    """The comparison above would hold for callbacks that do nothing too."""
    weights = [results[f"{case}/two/weights"] for case in CASES]
    for place, one in enumerate(weights[:-1]):
        assert not any(np.array_equal(one, other) for other in weights[place + 1 :])
