"""Searches with several processes on this machine: a chief and its workers.

Run as `python examples/distributed_search.py [--workers N]`. The chief hands out
trials and the workers train them; failing trials, and those below the median, end
early. A worker that dies is started again under its name, and KerasTuner gives it the
same trial again; without that, the chief would wait for it forever.

On several machines, run the part of `KERASTUNER_TUNER_ID` yourself, with the same three
variables, a directory that all of them see, and something that restarts what dies.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHIEF = "chief"
RESTARTS = 3


# The search, as each process runs it


def build(hp: Any) -> Any:
    """Returns a network for the digits; with most of the rates it cannot learn."""
    import keras

    from keras_extras.tuner import initializer_and_activation

    model = keras.Sequential(
        [
            keras.layers.Dense(32, **initializer_and_activation(hp)),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    rate = hp.Float("learning_rate", 1e-3, 1e3, sampling="log")
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def search(options: argparse.Namespace) -> None:
    """Takes the part in the search that the environment says."""
    import keras_tuner
    from sklearn.datasets import load_digits

    from keras_extras.callbacks import TrainingDiagnostics
    from keras_extras.tuner import DiagnosticHyperModel
    from keras_extras.tuner import MedianPruner
    from keras_extras.tuner import results_table

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    tuner = keras_tuner.RandomSearch(
        DiagnosticHyperModel(build),
        "val_accuracy",
        max_trials=options.trials,
        seed=1,
        directory=options.directory,
        project_name="search",
        # With `overwrite=True` each worker would wipe out what the others have done.
        overwrite=False,
    )
    tuner.search(
        x[:1400],
        y[:1400],
        validation_data=(x[1400:], y[1400:]),
        epochs=options.epochs,
        verbose=0,
        callbacks=[
            TrainingDiagnostics(Path(options.directory) / "logs", verbose=0),
            MedianPruner(),
        ],
    )
    if os.environ["KERASTUNER_TUNER_ID"] == CHIEF:
        print(results_table(tuner))


# The processes


def start(name: str, port: int) -> subprocess.Popen[bytes]:
    """Starts the process that is called `name`."""
    role = {
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, *sys.argv], env=os.environ | role)
    print(f"{name} is process {process.pid}", flush=True)
    return process


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def supervise(workers: int) -> None:
    """Runs all processes until the search has ended, and restarts what dies."""
    port = free_port()
    names = [CHIEF, *(f"worker{number}" for number in range(workers))]
    running = {name: start(name, port) for name in names}
    restarts = 0
    try:
        while running:
            time.sleep(0.2)
            for name, process in list(running.items()):
                status = process.poll()
                if status is None:
                    continue
                del running[name]
                if status:
                    restarts += 1
                    if name == CHIEF or restarts > RESTARTS:
                        raise SystemExit(f"{name} has ended with status {status}")
                    running[name] = start(name, port)
    finally:
        for process in running.values():
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--directory", default="logs/distributed-search")
    options = parser.parse_args()
    if "KERASTUNER_TUNER_ID" in os.environ:
        search(options)
    else:
        supervise(options.workers)


if __name__ == "__main__":
    main()
