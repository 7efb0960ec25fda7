"""A progress bar for work that turns out to be long."""

from __future__ import annotations

import time
from typing import Any

import keras

_PATIENCE_SECONDS = 2.0


class Progress:
    """Counts samples of batches; shows a bar at once, later, or never.

    Args:
        batches: Number of batches, or `None` if it is not known.
        samples: Number of samples of each.
        verbose: `0`, `1` or `"auto"`.
    """

    def __init__(self, batches: int | None, samples: int, verbose: str | int) -> None:
        self.is_wanted = verbose != 0
        self._target = batches * samples if batches is not None else None
        self._wait = _PATIENCE_SECONDS if verbose == "auto" else 0.0
        self._start = time.monotonic()
        self._done = 0
        self._bar: Any = None

    def add(self, count: int) -> None:
        """Notes that `count` more samples of a batch are done."""
        self._done += count
        late = time.monotonic() - self._start >= self._wait
        if not self.is_wanted or not late or (self._target or 0) == self._done:
            return
        if self._bar is None:
            self._bar = keras.utils.Progbar(self._target, unit_name="sample")
        self._bar.update(self._done)

    def close(self) -> None:
        """Completes the bar, if there is one."""
        if self._bar is not None:
            self._bar.update(self._done, finalize=True)
