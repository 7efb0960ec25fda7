from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_extras.records.thinning import rows_to_keep

_WAITING = 256  # reports that are kept as they come, which costs next to nothing
_MOST, _KEPT = 2_000, 1_000
_DIGITS = 6


class StepCurve:
    """Holds values of every step of a training, in a bounded room.

    Beyond 2,000 steps half of them go. The first and the last stay, those with the
    least and the greatest of a value, and those where one is not finite.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Mapping[str, Any]]] = []
        self._steps = np.empty(0, np.int64)
        self._values: dict[str, np.ndarray] = {}

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """Takes the values of a step, which nobody changes any more."""
        self._waiting.append((step, values))
        if len(self._waiting) >= _WAITING:
            self._sort_in()

    def to_dict(self, most: int) -> dict[str, Any]:
        """Returns `steps` and `values` by name, at `most` steps, as plain values."""
        self._sort_in()
        kept = rows_to_keep(self._steps, self._values, most)
        values = {
            name: [float(f"{value:.{_DIGITS}g}") for value in series[kept].tolist()]
            for name, series in self._values.items()
        }
        return {"steps": self._steps[kept].tolist(), "values": values}

    def _sort_in(self) -> None:
        """Makes arrays of what waits; of two reports of one step the later counts."""
        waiting, self._waiting = self._waiting, []
        before = len(self._steps)
        steps = np.array([*self._steps, *(step for step, _ in waiting)], np.int64)
        names = [*self._values, *(name for _, values in waiting for name in values)]
        table = {name: np.full(len(steps), np.nan) for name in dict.fromkeys(names)}
        for name, series in self._values.items():
            table[name][:before] = series
        for row, (_, values) in enumerate(waiting, start=before):
            for name, value in values.items():
                table[name][row] = _number(value)
        self._steps, reversed_rows = np.unique(steps[::-1], return_index=True)
        rows = len(steps) - 1 - reversed_rows
        self._values = {name: series[rows] for name, series in table.items()}
        if len(rows) > _MOST:
            kept = rows_to_keep(self._steps, self._values, _KEPT)
            self._steps = self._steps[kept]
            self._values = {name: v[kept] for name, v in self._values.items()}


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    try:
        # `float` takes ten times as long with an array of JAX.
        return float(np.asarray(value))
    except (TypeError, ValueError):
        return float("nan")
