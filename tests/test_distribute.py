"""Under `tf.distribute` the numbers are those of the whole, global batch."""

import os
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = """
import sys

sys.path.insert(0, sys.argv[1])
import keras
import numpy as np
import tensorflow as tf

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from keras import layers

import replay
from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
x = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
assert strategy.num_replicas_in_sync == 2
x[:, 0] = np.arange(40) % 2  # the replicas see different values
y = x.sum(axis=1, keepdims=True)


def make():
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(4, activation="tanh"),
            layers.Dense(1),
        ]
    )
    # Plain SGD, so that rounding is not amplified.
    model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=False)
    return model


def train(callbacks):
    keras.utils.clear_session(free_memory=False)
    with strategy.scope():
        model = make()
    model.fit(
        x, y, batch_size=8, shuffle=False, epochs=1, callbacks=callbacks, verbose=0
    )
    state = [np.array(v.value) for v in model.optimizer.variables]
    return [*model.get_weights(), *state]


snapshots = replay.Snapshots()
gradients = GradientLogger(sys.argv[2], every=1)
activations = ActivationLogger(sys.argv[2], every=1)
ours = train(
    [
        TrainingDiagnostics(sys.argv[2], every=2, verbose=0),
        gradients,
        activations,
        HyperparameterLogger(sys.argv[2]),
        snapshots,
    ]
)
theirs = train([])
keras.utils.clear_session(free_memory=False)
twin = make()
expected = {"norm": [], "mean": [], "std": [], "min": [], "max": [], "dead": []}
for step, before in enumerate(snapshots.before):
    part = slice(8 * step, 8 * step + 8)
    found = replay.gradients(twin, before, x[part], y[part])
    expected["norm"].append(
        [
            np.linalg.norm(replay.flat([found[v.path] for v in layer.variables]))
            for layer in twin.layers
        ]
    )
    output = x[part]
    rows = {name: [] for name in expected if name != "norm"}
    for layer in twin.layers:
        output = np.array(layer(output))
        rows["mean"].append(output.mean())
        rows["std"].append(output.std())
        rows["min"].append(output.min())
        rows["max"].append(output.max())
        rows["dead"].append(np.mean(np.abs(output).max(axis=0) == 0))
    for name, row in rows.items():
        expected[name].append(row)
np.savez(
    sys.argv[3],
    same=[np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)],
    steps=gradients.history.steps,
    recorded_norm=gradients.history.gradient_norm,
    recorded_update=gradients.history.update_norm,
    recorded_mean=activations.history.activation_mean,
    recorded_std=activations.history.activation_std,
    recorded_min=activations.history.activation_min,
    recorded_max=activations.history.activation_max,
    recorded_dead=activations.history.activation_dead_fraction,
    **expected,
)
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """What a process with two devices found, and where it wrote its events."""
    place = tmp_path_factory.mktemp("distribute")
    here = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, here, place / "logs", place / "result.npz"],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(place / "result.npz") as arrays:
        return dict(arrays), place / "logs"


def test_weights_are_bit_identical(result):
    assert len(result[0]["same"]) > 6
    assert result[0]["same"].all()


def test_gradients_are_those_of_the_global_batch(result):
    found = result[0]
    assert found["steps"].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(found["recorded_norm"], found["norm"], rtol=1e-5)


def test_update_is_the_one_that_all_replicas_make(result):
    found = result[0]
    expected = 0.01 * np.array(found["norm"])
    np.testing.assert_allclose(found["recorded_update"], expected, rtol=1e-3)


@pytest.mark.parametrize("statistic", ["mean", "std", "min", "max", "dead"])
def test_activations_are_those_of_the_global_batch(result, statistic):
    found = result[0]
    np.testing.assert_allclose(
        found[f"recorded_{statistic}"], found[statistic], rtol=1e-5, atol=1e-6
    )


def test_there_is_one_event_file(result):
    assert len([p for p in result[1].rglob("*") if p.is_file()]) == 1
