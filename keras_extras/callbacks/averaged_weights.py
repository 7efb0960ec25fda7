from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from keras_extras.callbacks.batch_statistics import batch_statistics
from keras_extras.callbacks.batch_statistics import statistics_of
from keras_extras.keras_internals.hyperparameters import batches_seen
from keras_extras.keras_internals.schedule_free import average_of
from keras_extras.keras_internals.schedule_free import trained_by
from keras_extras.keras_internals.snapshot import Values
from keras_extras.keras_internals.snapshot import give
from keras_extras.keras_internals.snapshot import values_of


class AveragedWeights:
    """Gives a model the weights that a schedule-free optimizer averages, for a time.

    Args:
        model: The model.
        parts: Its schedule-free optimizers.
        batches: Returns inputs in batches, for the statistics of batch normalisation,
            or `None` where there are none to compute.
    """

    def __init__(
        self, model: Any, parts: list[Any], batches: Callable[[], Any] | None
    ) -> None:
        self._model = model
        self._parts = parts
        self._batches = batches
        self._training: Values = []  # the values that go on being trained
        self._depth = 0
        self._statistics: list[np.ndarray] = []
        self._counted: list[int] = []  # the batches seen when those were computed

    def swap_in(self) -> None:
        """Gives the model the average, unless it has it."""
        self._depth += 1
        if self._depth > 1:
            return
        averages = [
            (variable, average_of(part, variable, momentum))
            for part in self._parts
            for variable, momentum in trained_by(part)
        ]
        statistics = statistics_of(self._model) if self._batches is not None else []
        changed = [*(variable for variable, _ in averages), *statistics]
        self._training = values_of(changed)
        give(averages)
        give(list(zip(statistics, self._recalibrated())))

    def swap_out(self) -> None:
        """Gives the model back what is trained, once nobody needs the average."""
        self._depth = max(self._depth - 1, 0)
        if self._depth == 0:
            self.end()

    def end(self) -> None:
        """Gives the model back what is trained."""
        give(self._training)
        self._depth, self._training = 0, []

    def stay(self) -> Values:
        """Lets the model keep the average; returns what would have been put back."""
        if self._depth == 0:
            self.swap_in()
        training, self._training, self._depth = self._training, [], 0
        return training

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Has the average in the model for as long as the context lasts."""
        self.swap_in()
        try:
            yield
        finally:
            self.swap_out()

    def _recalibrated(self) -> list[np.ndarray]:
        """Returns the statistics of the averaged weights, which the model has now."""
        if self._batches is None:
            return []
        counted = [batches_seen(part) for part in self._parts]
        if counted != self._counted:
            self._statistics = batch_statistics(self._model, self._batches())
            self._counted = counted
        return self._statistics
