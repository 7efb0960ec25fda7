"""Under `tf.distribute` each replica gets its part of the batch that was fetched."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import gc
import json
import threading
import warnings
import weakref
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from keras import layers

from keras_extras.backends.tensorflow import replica_batches
from keras_extras.backends.tensorflow.hand_over import HandOver
from keras_extras.backends.tensorflow.waiting_queue import WaitingQueue

warnings.simplefilter("ignore")  # of Keras: no shuffling, and an unknown length
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
    "short batch": tf.data.Dataset.from_tensor_slices((x, y)).batch(8),
    "unknown length": tf.data.Dataset.from_tensor_slices((x, y)).batch(8).filter(known),
}
results = {}
for name, data in datasets.items():
    theirs, their_traces = train(data, [])
    again = train(data, [])[0] if name == "short batch" else theirs
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


def os_threads():
    return len(list(Path("/proc/self/task").iterdir()))


def left_over(data):
    parts = []
    for number in range(12):
        iterator = iter(strategy.experimental_distribute_dataset(data))
        hand_over = HandOver(iterator)
        again = hand_over.give(*hand_over.fetch((iterator,)))[0]
        if number % 2:
            next(again)
        parts.extend([weakref.ref(hand_over), weakref.ref(again)])
        del iterator, hand_over, again
        gc.collect()
        if number == 3:
            threads = os_threads()
    return {
        "objects": sum(part() is not None for part in parts),
        "threads": max(0, os_threads() - threads - 2),
    }


results["left over"] = left_over(datasets["short batch"])
# What is used on accelerators; its parts are no different on processors.
replica_batches.DeviceQueues = WaitingQueue
theirs, their_traces = train(datasets["short batch"], [])
swap = Swap(lambda hand_over: hand_over.give)
ours, our_traces = train(datasets["short batch"], [swap])
results["waiting"] = {
    "differ": sum(not np.array_equal(a, b) for a, b in zip(theirs, ours)),
    "more traces": our_traces - their_traces,
    "batches": swap.batches,
}
results["left over, waiting"] = left_over(datasets["short batch"])
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


@pytest.mark.parametrize("name", ["short batch", "unknown length"])
def test_a_distributed_training_stays_the_same_to_the_bit(results, name):
    assert results[name] == {
        "control": 0,
        "differ": 0,
        "more traces": 0,
        "batches": 12,
    }


def test_batches_of_replicas_can_be_given_in_another_way(results):
    assert results["another way"] == {"batches": 12}


def test_what_accelerators_use_changes_nothing_either(results):
    assert results["waiting"] == {"differ": 0, "more traces": 0, "batches": 12}


@pytest.mark.parametrize("name", ["left over", "left over, waiting"])
def test_nothing_is_left_of_a_distributed_hand_over(results, name):
    assert results[name] == {"objects": 0, "threads": 0}
