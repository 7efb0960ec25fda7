"""A TensorBoard process and a browser for tests of the tab."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync"]
# TensorFlow would be imported for its file systems: seconds that nobody here needs.
WITHOUT_TENSORFLOW = """
import sys, types
sys.modules["tensorflow"] = None
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.main import run_main
run_main()
"""


class Board:
    """TensorBoard on a free port, until it is closed.

    Args:
        log_dir: What it shows.
        flags: More of its command line.

    Attributes:
        url: String. Address of its page.

    Raises:
        RuntimeError: If it does not start.
    """

    def __init__(self, log_dir: Path, *flags: str) -> None:
        command = [sys.executable, "-c", WITHOUT_TENSORFLOW, "--logdir", str(log_dir)]
        command += ["--host", "127.0.0.1", "--port", "0", "--reload_interval", "1"]
        self._process = subprocess.Popen(
            [*command, *flags], stderr=subprocess.PIPE, text=True
        )
        self._said: list[str] = []
        self.url = self._wait_for_url()
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _wait_for_url(self) -> str:
        for line in self._lines():
            found = re.search(r"at (http://\S+)", line)
            if found:
                return found[1]
        raise RuntimeError("TensorBoard did not start:\n" + "".join(self._said))

    def _lines(self):
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._said.append(line)
            yield line

    def _listen(self) -> None:
        """Reads on, so that the process never waits for a reader."""
        try:
            for _ in self._lines():
                pass
        except ValueError:  # closed
            pass


def chromium() -> str:
    """Returns the path of a Chromium: `$CHROMIUM`, or one of `BROWSERS` on the path."""
    names = (os.environ.get("CHROMIUM", ""), *BROWSERS)
    found = [path for path in map(shutil.which, filter(None, names)) if path]
    if not found:
        give_up(f"no Chromium: set CHROMIUM, or install one of {', '.join(BROWSERS)}")
    return found[0]


def give_up(reason: str) -> None:
    """Skips the test; where `CI` is set nothing may be missing, and it fails."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
