"""The loss of the batches themselves, where Keras reports the mean of the epoch."""

from __future__ import annotations

from typing import Any

import numpy as np


class LossTracker:
    """Reads the mean loss of the batches since the last reading.

    `logs["loss"]` is the mean since the epoch began: late in an epoch it hardly
    moves, whatever a batch does. Behind it are a total and a count, and their
    differences are exact; a model whose training step does not update that metric
    reports the loss of its last batch already.

    Args:
        model: A compiled Keras model.
    """

    def __init__(self, model: Any) -> None:
        self._tracker = _tracker(model)
        self._total = self._count = 0.0

    def start_epoch(self) -> None:
        """Takes into account that Keras resets its metrics."""
        self._total = self._count = 0.0

    def read(self, logs: Any) -> float:
        """Returns the mean loss since the last reading.

        Args:
            logs: The logs of the last batch.
        """
        reported = float((logs or {}).get("loss", np.nan))
        if self._tracker is None:
            return reported
        total = float(np.asarray(self._tracker.total))
        count = float(np.asarray(self._tracker.count))
        loss, samples = total - self._total, count - self._count
        self._total, self._count = total, count
        return loss / samples if samples else reported


def reports_means(model: Any) -> bool:
    """Returns whether `logs["loss"]` at the end of an epoch is its mean."""
    tracker = _tracker(model)
    return tracker is not None and float(np.asarray(tracker.count)) > 0


def _tracker(model: Any) -> Any:
    return next(
        (
            metric
            for metric in model.metrics
            if metric.name == "loss"
            and hasattr(metric, "total")
            and hasattr(metric, "count")
        ),
        None,
    )
