"""Two processes that train one model together, with `jax.distributed`."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# The second process is slower between its batches, and so has other times to decide by.
SCRIPT = """
import json, sys, time
rank, port, log_dir, goes_bad = int(sys.argv[1]), *sys.argv[2:]
import jax
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(f"127.0.0.1:{port}", 2, rank)
import keras, numpy as np
import jax_models
from keras_extras.callbacks import TrainingDiagnostics

assert jax.process_count() == 2
keras.distribution.set_distribution(keras.distribution.DataParallel(
    devices=keras.distribution.list_devices(), auto_shard_dataset=False))
x, y = jax_models.data(rows=64)

def batches():
    for number in range(400):
        if rank and number > 40:
            time.sleep(0.002)
        at = number % 8 * 8
        bad = np.nan if goes_bad == "nan" and number == 301 else 1.0
        yield x[at:at + 8] * np.float32(bad), y[at:at + 8]

def build():
    hidden = keras.layers.Dense(8, "relu", name="a")
    return keras.Sequential([keras.Input(x.shape[1:]), hidden, keras.layers.Dense(1)])

found = []
callback = TrainingDiagnostics(
    log_dir, actions="stop", verbose=1, replay=goes_bad == "nan" or "auto")
for callbacks in ([], [callback]) if goes_bad != "nan" else ([callback],):
    model = jax_models.net(keras.optimizers.SGD(0.01), build)
    model.fit(batches(), steps_per_epoch=100, epochs=4, verbose=0, callbacks=callbacks)
    found.append(jax_models.state_of(model))
jax_models.assert_same(found[0], found[-1])
print(json.dumps({
    "steps": callback.history.steps.tolist(),
    "norms": callback.history["global_gradient_norm"].tolist(),
    "findings": [finding.code for finding in callback.findings],
    "trained": int(model.optimizer.iterations),
    "first": [finding.first_step for finding in callback.findings],
}))
"""


def run_both(log_dir, goes_bad):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    path = [str(HERE), str(HERE.parents[1]), str(HERE.parents[2])]
    path += [str(HERE.parents[2] / "tensorboard_plugins")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(rank), port, str(log_dir), goes_bad],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, errors) in zip(processes, said):
        assert process.returncode == 0, errors[-2000:]
    # What carries the numbers between them prints a line, too.
    lines = [output.strip().splitlines() for output, _ in said]
    return [[line for line in part if "[Gloo]" not in line] for part in lines]


@pytest.mark.parametrize(
    "goes_bad", [pytest.param("", marks=pytest.mark.takes_long), "nan"]
)
def test_two_processes_sample_the_same_steps_and_one_of_them_writes(tmp_path, goes_bad):
    first, second = run_both(tmp_path / "log", goes_bad)
    told = json.loads(first[-1])
    assert told == json.loads(second[-1])
    assert len(told["steps"]) >= 5
    assert len(list((tmp_path / "log").iterdir())) == 1
    assert len(second) == 1  # the first one alone prints the report
    if goes_bad:
        assert "nan-loss" in told["findings"]
        assert 302 <= told["trained"] < 320
        assert 301 in told["first"]  # found by replay, in both
        assert len(first) > 1
