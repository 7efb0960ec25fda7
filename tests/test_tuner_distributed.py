"""A search by a chief and two workers, one of which is killed in mid-trial."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import searches

SCRIPT = Path(__file__).parents[1] / "examples" / "distributed_search.py"
TRIALS, EPOCHS, PATIENCE = 4, 4, 240.0


def wait_for(find, process):
    """Returns what `find` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("the search ended, or took too long")


def running_trial(directory, workers):
    """Returns a trial that a worker is in, and the process of that worker."""
    for path in (directory / "logs").glob("*/execution0/*.keras_extras"):
        process = int(path.name.split(".")[5])
        if process in workers():
            return path.parts[-3], process
    return None


def test_killed_worker_loses_no_trial_and_mixes_no_directories(tmp_path):
    directory, printed = tmp_path / "search", tmp_path / "printed.txt"
    options = {"workers": 2, "trials": TRIALS, "epochs": EPOCHS, "directory": directory}
    command = [sys.executable, str(SCRIPT)]
    command += [f"--{name}={value}" for name, value in options.items()]
    quiet = {"GRPC_VERBOSITY": "ERROR", "OMP_NUM_THREADS": "1"}
    with printed.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | quiet
        )
    workers = lambda: {
        int(found)
        for found in re.findall(r"worker\d is process (\d+)", printed.read_text())
    }
    try:
        trial, worker = wait_for(lambda: running_trial(directory, workers), process)
        os.kill(worker, signal.SIGKILL)
        assert process.wait(timeout=PATIENCE) == 0, printed.read_text()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    assert len(workers()) == 3  # one was started again

    states = {}
    for path in directory.glob("search/trial_*/trial.json"):
        state = json.loads(path.read_text())
        states[state["trial_id"]] = state["status"]
        assert (path.parent / "findings.json").exists()
    assert states == {str(number): "COMPLETED" for number in range(TRIALS)}
    runs = [f"{number}/execution0" for number in range(TRIALS)]
    board = searches.Board(directory / "logs")
    assert board.runs() == sorted([*runs, f"{trial}/execution0-retry1"])
    assert sorted(board.trials()) == [f"search/{number}" for number in range(TRIALS)]
    heading, *table = re.split(r"\n(?=trial +score)", printed.read_text())[
        1
    ].splitlines()
    assert heading.split()[:4] == ["trial", "score", "state", "findings"]
    assert len(table) == TRIALS
