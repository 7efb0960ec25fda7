from __future__ import annotations

from typing import Any

import keras


class StopAfter(keras.callbacks.Callback):
    """Ends a training after a number of batches.

    Args:
        steps: Number of batches.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps
        self._trained = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._trained += self.model.steps_per_execution
        if self._trained >= self._steps:
            self.model.stop_training = True
