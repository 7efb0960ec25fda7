"""Trains cases of the corpus in processes of their own, several at a time."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# One thread is faster for nets this small, and sums in the same order.
_THREADS = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


class CaseWorkers:
    """Processes that train; a case that kills one or hangs it is a failure.

    Each reads the ids of cases from its input, and writes a line of JSON for each.

    Args:
        command: The script with its arguments.
        recycle: Cases per process: the memory of a graph is never quite given back.
        timeout: Seconds per case.
        failed: Returns the result of a case that failed in a way that it is told.
        noisy: Whether to show what the processes say.
    """

    def __init__(
        self,
        command: list[str],
        recycle: int,
        timeout: float,
        failed: Callable[[Any, str], dict[str, Any]],
        noisy: bool = False,
    ) -> None:
        self.command = command
        self.recycle = recycle
        self.timeout = timeout
        self.failed = failed
        self.noisy = noisy

    def results(self, cases: list[Any], jobs: int) -> Iterator[dict[str, Any]]:
        """Trains the cases, so many at a time, and yields results as they come."""
        todo: queue.SimpleQueue[Any] = queue.SimpleQueue()
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for case in cases:
            todo.put(case)

        def serve() -> None:
            worker = _Worker(self)
            while True:
                try:
                    case = todo.get_nowait()
                except queue.Empty:
                    break
                done.put(worker.run(case))
            worker.stop()

        for _ in range(min(jobs, len(cases))):
            threading.Thread(target=serve, daemon=True).start()
        for _ in cases:
            yield done.get()


class _Worker:
    """One of these processes, started again when it has ended."""

    def __init__(self, settings: CaseWorkers) -> None:
        self._settings = settings
        self._process: Any = None
        self._trained = 0

    def run(self, case: Any) -> dict[str, Any]:
        if self._process is None or self._trained >= self._settings.recycle:
            self._start()
        self._trained += 1
        alarm = threading.Timer(self._settings.timeout, self._process.kill)
        alarm.start()
        try:
            self._process.stdin.write(case.id + "\n")
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        alarm.cancel()
        if answer:
            return json.loads(answer)
        status, self._process = self._process.wait(), None
        return self._settings.failed(case, f"the process ended with status {status}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _start(self) -> None:
        self.stop()
        self._trained = 0
        self._process = subprocess.Popen(
            [sys.executable, *self._settings.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if self._settings.noisy else subprocess.DEVNULL,
            text=True,
            bufsize=1,
            env={**os.environ, **_THREADS, **_QUIET, "PYTHONPATH": _python_path()},
        )


def _python_path() -> str:
    """The packages next to this file come first, whatever is installed."""
    here = Path(__file__).resolve().parent.parent
    paths = [str(here), str(here / "tensorboard_plugins"), os.environ.get("PYTHONPATH")]
    return os.pathsep.join(filter(None, paths))
