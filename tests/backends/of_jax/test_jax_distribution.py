"""Several devices that train one model together, with `keras.distribution`.

JAX has as many host devices as it is told before it starts: so in a process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent

SCRIPT = """
import json, sys
import keras, numpy as np, jax
import jax_models
from keras import layers
from keras_extras.callbacks import TrainingDiagnostics

how, setup = sys.argv[1:]
devices = keras.distribution.list_devices("cpu")
assert len(devices) == 2
if how == "data":
    distribution = keras.distribution.DataParallel(devices=devices)
else:
    mesh = keras.distribution.DeviceMesh((1, 2), ["batch", "model"], devices)
    layout = keras.distribution.LayoutMap(mesh)
    layout["a/kernel"] = (None, "model")
    distribution = keras.distribution.ModelParallel(
        layout_map=layout, batch_dim_name="batch")
keras.distribution.set_distribution(distribution)

def build():
    inputs = keras.Input((6,))
    x = layers.Dense(8, "relu", kernel_regularizer="l2", name="a")(inputs)
    x = layers.Dropout(0.2)(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Dense(1, name="b")(x))

made, compiled = {
    "plain": (lambda: keras.optimizers.Adam(0.01), {}),
    "accumulation": (
        lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=2), {}),
    "three steps": (lambda: keras.optimizers.SGD(0.1), {"steps_per_execution": 3}),
}[setup]
found = []
x, y = jax_models.data(rows=32)
for used in ([], [TrainingDiagnostics(every=1, verbose=0)]):
    model = jax_models.net(made(), build, **compiled)
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=used, shuffle=False)
    found.append(jax_models.state_of(model))
jax_models.assert_same(*found)
history = used[0].history
# An independent gradient of the global batch, at the first step.
model = jax_models.net(made(), build)
def loss_of(values):
    known = list(zip(model.trainable_variables, values))
    with keras.StatelessScope(known, collect_losses=True):
        y_pred = model(x[:8], training=True)
        return model.compute_loss(x=x[:8], y=y[:8], y_pred=y_pred)
gradients = jax.grad(loss_of)([v.value for v in model.trainable_variables])
norm = float(np.sqrt(sum(np.square(np.array(g, "float64")).sum() for g in gradients)))
print(json.dumps({
    "steps": history.steps.tolist(),
    "norms": history["global_gradient_norm"].tolist(),
    "expected": norm,
    "mean": history["activation_mean"][0].tolist(),
}))
"""


def run(how, setup):
    path = [str(HERE), str(HERE.parents[1]), str(HERE.parents[2])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")]),
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "KERAS_BACKEND": "jax",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how, setup],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("how", "setup", "steps"),
    [
        ("data", "plain", 8),
        pytest.param("data", "accumulation", 4, marks=pytest.mark.takes_long),
        pytest.param("data", "three steps", 8, marks=pytest.mark.takes_long),
        ("model", "plain", 8),
    ],
)
def test_weights_are_the_same_and_gradients_those_of_the_whole_batch(how, setup, steps):
    found = run(how, setup)
    assert found["steps"] == list(range(steps))
    assert np.isfinite(found["norms"]).all()
    assert np.isfinite(found["mean"]).any()
    if setup != "accumulation":
        np.testing.assert_allclose(found["norms"][0], found["expected"], rtol=1e-5)
