"""What a callback recorded, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import numpy as np

_INITIAL_ROWS = 64


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
        self._count = self._first_row = 0
        self._steps = np.empty(_INITIAL_ROWS, np.int64)
        self._values: dict[str, np.ndarray] = {}

    @property
    def steps(self) -> np.ndarray:
        """Values of `optimizer.iterations` before each recorded step."""
        return self._steps[: self._count].copy()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the recorded statistics."""
        return tuple(self._values)

    def append(self, step: int, values: Mapping[str, Any]) -> None:
        """Adds `values` to the record of `step`, which may exist already."""
        row = self._row_of(step)
        for name, value in values.items():
            if name not in self._values:
                shape = (len(self._steps), *np.shape(value))
                self._values[name] = np.full(shape, np.nan)
            self._values[name][row] = value

    def start_training(self) -> None:
        """Keeps the records of one training apart from those of the next."""
        self._first_row = self._count

    def _row_of(self, step: int) -> int:
        """Returns the row of `step` in this training, a new one if there is none."""
        row = self._count - 1
        while row >= self._first_row and self._steps[row] > step:
            row -= 1
        if row >= self._first_row and self._steps[row] == step:
            return row
        if self._count == len(self._steps):
            self._grow()
        self._steps[self._count] = step
        self._count += 1
        return self._count - 1

    def _grow(self) -> None:
        self._steps = np.concatenate([self._steps, np.empty_like(self._steps)])
        for name, values in self._values.items():
            more = np.full_like(values, np.nan)
            self._values[name] = np.concatenate([values, more])

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._values:
            raise KeyError(f"{name!r} was not recorded. Recorded: {sorted(self.names)}")
        return self._values[name][: self._count].copy()

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
        return self._count

    def __repr__(self) -> str:
        return (
            f"<History of {len(self)} steps, {len(self.layers)} layers: "
            f"{', '.join(self.names) or 'nothing recorded'}>"
        )
