"""Under `tf.distribute` each replica gets its part of the batch that was fetched."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json
import warnings

import keras
import numpy as np
import tensorflow as tf

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from keras import layers

from keras_extras.backends.tensorflow.hand_over import HandOver

warnings.simplefilter("ignore")
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
x = np.random.default_rng(0).normal(size=(44, 6)).astype("float32")
x[:, 0] = np.arange(44) % 2  # the replicas see different values
y = x.sum(axis=1, keepdims=True)


class Swap(keras.callbacks.Callback):
    def __init__(self, give):
        super().__init__()
        self.give, self.batches, self.hand_over = give, 0, None

    def on_train_begin(self, logs=None):
        self.own = own = self.model.train_function

        def train(iterator):
            self.hand_over = self.hand_over or HandOver(iterator)
            assert self.hand_over.fits(iterator)
            batches = self.hand_over.fetch((iterator,))
            if batches is None:
                return own(iterator)
            self.batches += 1
            local = strategy.experimental_local_results(batches[0][0])
            assert len(local) == 2
            return own(*self.give(self.hand_over)(*batches))

        self.model.train_function = train

    def on_train_end(self, logs=None):
        self.model.train_function = self.own


def train(data, callbacks):
    keras.utils.clear_session(free_memory=False)
    traces = []
    with strategy.scope():
        keras.utils.set_random_seed(7)
        model = keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(8),
                layers.LayerNormalization(),
                layers.Dropout(0.2, seed=1),
                layers.Dense(1),
            ]
        )
        model.compile("adam", "mse", jit_compile=False)
    step = model.train_step

    def counted(batch):
        traces.append(1)
        return step(batch)

    model.train_step = counted
    model.fit(data, epochs=2, callbacks=callbacks, verbose=0)
    values = [np.array(v.value) for v in model.variables]
    assert all(np.isfinite(v).all() for v in values)
    return values, len(traces)


def known(x, y):
    return True


datasets = {
    "full batches": tf.data.Dataset.from_tensor_slices((x[:40], y[:40])).batch(8),
    "short batch": tf.data.Dataset.from_tensor_slices((x, y)).batch(8),
    "unknown length": tf.data.Dataset.from_tensor_slices((x, y)).batch(8).filter(known),
}
results = {}
for name, data in datasets.items():
    theirs, their_traces = train(data, [])
    again, _ = train(data, [])
    swap = Swap(lambda hand_over: hand_over.give)
    ours, our_traces = train(data, [swap])
    results[name] = {
        "control": sum(not np.array_equal(a, b) for a, b in zip(theirs, again)),
        "differ": sum(not np.array_equal(a, b) for a, b in zip(theirs, ours)),
        "more traces": our_traces - their_traces,
        "batches": swap.batches,
    }
swap = Swap(lambda hand_over: hand_over.give_in_another_way)
ours, _ = train(datasets["short batch"], [swap])
results["another way"] = {"batches": swap.batches}
print("RESULTS", json.dumps(results))
"""


@pytest.fixture(scope="module")
def results():
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    return json.loads(done.stdout.split("RESULTS ")[1])


@pytest.mark.parametrize(
    ("name", "batches"),
    [("full batches", 10), ("short batch", 12), ("unknown length", 12)],
)
def test_a_distributed_training_stays_the_same_to_the_bit(results, name, batches):
    assert results[name] == {
        "control": 0,
        "differ": 0,
        "more traces": 0,
        "batches": batches,
    }


def test_batches_of_replicas_can_be_given_in_another_way(results):
    assert results["another way"] == {"batches": 12}
