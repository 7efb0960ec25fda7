"""What a callback recorded, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import numpy as np


class History:
    """The statistics of all sampled steps of one callback.

    Every statistic is an attribute, and an item: `history.gradient_norm` and
    `history["gradient_norm"]` are an array of shape `(steps, layers)`, a value
    that belongs to the whole step, such as `history.learning_rate`, one of shape
    `(steps,)`. What was not measured at a step is NaN there.

    Attributes:
        layers: Tuple of the layers' names, in model order: the columns.

    Example:

    ```python
    history = callback.history
    worst = history.layers[np.nanargmin(history.gradient_norm[-1])]
    ```
    """

    def __init__(self, layers: tuple[str, ...] = ()) -> None:
        self.layers = layers
        self._steps: list[int] = []
        self._values: dict[str, dict[int, Any]] = {}
        self._arrays: dict[str, np.ndarray] = {}

    @property
    def steps(self) -> np.ndarray:
        """Values of `optimizer.iterations` before each recorded step."""
        return np.array(self._steps, dtype=np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the recorded statistics."""
        return tuple(self._values)

    def append(self, step: int, values: Mapping[str, Any]) -> None:
        """Adds `values` to the record of `step`, which may exist already."""
        if not self._steps or self._steps[-1] != step:
            self._steps.append(step)
        row = len(self._steps) - 1
        for name, value in values.items():
            self._values.setdefault(name, {})[row] = value
        self._arrays.clear()

    def latest(self, name: str, count: int) -> np.ndarray:
        """Returns the last `count` records of a statistic, without copying all."""
        rows = range(max(len(self._steps) - count, 0), len(self._steps))
        values = self._values.get(name, {})
        return np.array([values[row] for row in rows if row in values])

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._values:
            raise KeyError(f"{name!r} was not recorded. Recorded: {sorted(self.names)}")
        if name not in self._arrays:
            values = self._values[name]
            shape = np.shape(next(iter(values.values())))
            array = np.full((len(self._steps), *shape), np.nan)
            array[list(values)] = list(values.values())
            self._arrays[name] = array
        return self._arrays[name]

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(*error.args) from None

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._steps)

    def __repr__(self) -> str:
        return (
            f"<History of {len(self)} steps, {len(self.layers)} layers: "
            f"{', '.join(self.names) or 'nothing recorded'}>"
        )
