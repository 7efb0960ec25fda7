"""Tells the plugin about a run as a whole, beside its series."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from keras_extras.records.step_records import StepRecords


class RunDocument:
    """Counts what was written, and says so when asked.

    TensorBoard keeps some of the steps of a run only; from here a reader knows of how
    many they are.

    Attributes:
        session: String, which tells this training from others in its directory.
    """

    def __init__(self) -> None:
        self.session = f"{time.time():.6f}"  # trainings may share a directory
        self._counts: Counter[str] = Counter()
        self._counted_to: dict[str, int] = {}
        self._values: dict[str, None] = {}
        self._about: dict[str, Any] = {}
        self._best_constant: float | None = None
        self._steps: list[int] = []
        self._changed = False

    @property
    def last_step(self) -> int:
        """The last step that was written."""
        return max(self._steps, default=0)

    def saw_records(self, records: StepRecords, row: int) -> None:
        """Counts the step in that row of `records`."""
        step = int(records.steps[row])
        for name in records.statistics:
            # Two callbacks that write one statistic write each step twice.
            if step > self._counted_to.get(name, -1):
                self._counts[name] += 1
                self._counted_to[name] = step
        self._steps = [min([step, *self._steps]), max([step, *self._steps])]
        self.saw_values(records.values_of_step)

    def saw_values(self, names: Iterable[str]) -> None:
        """Notes the names of values that belong to no layer."""
        self._values.update(dict.fromkeys(names))
        self._changed = True

    def describe(self, about: Mapping[str, Any]) -> None:
        """Adds hyperparameters and the like."""
        self._about.update(about)
        self._changed = True

    def compare_with(self, best_constant: float) -> None:
        """Notes the loss of the best constant prediction, as far as it is known."""
        if math.isfinite(best_constant) and best_constant != self._best_constant:
            self._best_constant = best_constant
            self._changed = True

    def take(self) -> dict[str, Any] | None:
        """Returns the document, or `None` if it is the same as last time."""
        if not self._changed:
            return None
        self._changed = False
        document = {
            "session": self.session,
            "recorded": max(self._counts.values(), default=0),
            "first_step": min(self._steps, default=0),
            "last_step": self.last_step,
            "values": list(self._values),
            "about": dict(self._about),
        }
        if self._best_constant is not None:
            document["best_constant_loss"] = self._best_constant
        return document
