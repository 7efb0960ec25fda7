from __future__ import annotations

import numpy as np

_MOST_POINTS = 4096


class LossCurve:
    """The loss of a training over its steps, from what Keras reports.

    Keras reports the mean since the epoch began. The mean over any stretch of an
    epoch follows from two such reports, so points can be left out at will: of a long
    training every second one is, time and again.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, int, float]] = []  # epoch, batches, mean
        self._epoch = self._batches = self._due = 0
        self._stride = 1

    def start_epoch(self) -> None:
        """Starts a new mean, as Keras does."""
        self._epoch += 1
        self._batches = self._due = 0

    def add(self, batches: int, mean: float) -> None:
        """Takes a report.

        Args:
            batches: Number of batches since the last report.
            mean: Mean loss since the epoch began.
        """
        self._batches += batches
        if self._batches < self._due:
            return
        self._due = self._batches + self._stride
        self._points.append((self._epoch, self._batches, mean))
        if len(self._points) > _MOST_POINTS:
            self._points = self._points[1::2]
            self._stride *= 2

    def losses(self, is_mean: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Returns mean losses and over how many batches each was taken.

        Args:
            is_mean: Boolean. Whether the reports are means since the epoch began;
                they are the loss of the last batch otherwise.
        """
        if not self._points:
            return np.empty(0), np.empty(0)
        epoch, batches, mean = np.array(self._points, np.float64).T
        begins = np.diff(epoch, prepend=-1.0) > 0
        counts = batches - _before(batches, begins)
        if not is_mean:
            return mean, counts
        with np.errstate(all="ignore"):
            totals = mean * batches
            return (totals - _before(totals, begins)) / counts, counts


def _before(values: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Returns the value before each one, 0 where an epoch begins."""
    return np.where(begins, 0.0, np.roll(values, 1))
