"""Real trainings whose logs the tests of the TensorBoard tab show."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import LearningRateFinder
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.records.finding import Finding
from keras_extras.records.step_records import StepRecords
from keras_extras.summaries.writer import open_writer
from keras_extras.uncertainty import UncertaintyLogger

ILL = "ill"
WELL = "well"
HOSTILE = "<img src=x onerror=alert(1)>"
HOSTILE_LAYER = "<script>alert(2)<script>"
STEPS_PER_EPOCH = 8


def write_logs(root: Path) -> None:
    """Trains a network that explodes and one that is well; a third run is hostile."""
    train(root / ILL, make_model(variance=60.0, logits=True))
    train(root / WELL, make_model(variance=2.0), extra=True)
    write_hostile(root / HOSTILE)


def write_hostile(directory: Path) -> None:
    """Writes a run whose every name and text is markup, as anybody could."""
    writer = open_writer(str(directory))
    assert writer is not None
    norms = np.geomspace(1e-3, 1.0, 20).reshape(10, 2)
    layers = (HOSTILE_LAYER, HOSTILE)
    writer.records(StepRecords(np.arange(10), layers, {"gradient_norm": norms}))
    finding = Finding(HOSTILE, "error", HOSTILE_LAYER, 2, 7, HOSTILE, HOSTILE, 0.9)
    writer.findings(9, [finding])
    writer.close()


def train(
    directory: Path, model: keras.Model, epochs: int = 3, extra: bool = False
) -> None:
    """Trains for a few steps, all of which are recorded.

    Args:
        directory: Of the run.
        model: Compiled model of `make_model`.
        epochs: Number of epochs of `STEPS_PER_EPOCH` steps each.
        extra: Whether to record histograms, a schedule, a sweep of the learning
            rate and the uncertainty as well.
    """
    x, y = data()
    callbacks = [TrainingDiagnostics(str(directory), every=1, verbose=0)]
    if extra:
        sweep = LearningRateFinder(steps=20, log_dir=str(directory))
        model.fit(x, y, batch_size=16, epochs=4, verbose=0, callbacks=[sweep])
        callbacks += [
            ActivationLogger(str(directory), every=1, histograms=True),
            OneCycleScheduler(max_rate=0.05),
            UncertaintyLogger(x[:32], y[:32], log_dir=str(directory), samples=4),
        ]
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=callbacks)


def make_model(variance: float, logits: bool = False) -> keras.Model:
    """Returns a compiled network of four dense layers.

    Args:
        variance: Of the hidden weights, times the number of inputs; 2 suits ReLU.
        logits: Whether it returns logits. Of a softmax of large logits Keras takes the
            gradient on TensorFlow only, elsewhere such a network stands still.
    """
    scaling = keras.initializers.VarianceScaling
    model = keras.Sequential([keras.Input((20,))])
    for seed, name in enumerate(("first", "second", "third")):
        initializer = scaling(variance, seed=seed)
        model.add(keras.layers.Dense(24, "relu", True, initializer, name=name))
    model.add(keras.layers.Dropout(0.2, name="dropout"))
    head = "linear" if logits else "softmax"
    model.add(keras.layers.Dense(4, head, name="classes"))
    optimizer = keras.optimizers.SGD(0.02, momentum=0.9)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    model.compile(optimizer, loss)
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    """Returns rows of numbers and the place of the largest of their first four."""
    x = np.random.default_rng(0).normal(size=(16 * STEPS_PER_EPOCH, 20))
    return x.astype("float32"), x[:, :4].argmax(axis=1)
