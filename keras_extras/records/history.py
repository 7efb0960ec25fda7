"""What a callback recorded, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
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
    gradients = keras_extras.callbacks.GradientLogger()
    model.fit(x, y, callbacks=[gradients])
    history = gradients.history
    worst = history.layers[np.nanargmin(history.gradient_norm[-1])]
    ```
    """

    def __init__(self, layers: tuple[str, ...] = ()) -> None:
        self.layers = layers
        self.source: Callable[[], None] | None = None
        self._count = 0
        self._steps = np.empty(_INITIAL_ROWS, np.int64)
        self._values: dict[str, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out the training that is going on, not what was measured in it."""
        self._fetch()
        return vars(self) | {"source": None}

    @property
    def steps(self) -> np.ndarray:
        """Values of `optimizer.iterations` before each recorded step.

        Where `FreezeUnfreeze` resets the optimizer they go on.
        """
        self._fetch()
        return self._steps[: self._count].copy()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the recorded statistics."""
        self._fetch()
        return tuple(self._values)

    def extend(self, steps: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Adds the records of `steps`: arrays whose first axis is as long."""
        first, self._count = self._count, self._count + len(steps)
        while self._count > len(self._steps):
            self._grow()
        self._steps[first : self._count] = steps
        for name, value in values.items():
            if name not in self._values:
                shape = (len(self._steps), *np.shape(value)[1:])
                self._values[name] = np.full(shape, np.nan)
            self._values[name][first : self._count] = value

    def _fetch(self) -> None:
        """Has what was measured handed over; until then it waits, undecoded."""
        if self.source is not None:
            self.source()

    def _grow(self) -> None:
        self._steps = np.concatenate([self._steps, np.empty_like(self._steps)])
        for name, values in self._values.items():
            more = np.full_like(values, np.nan)
            self._values[name] = np.concatenate([values, more])

    def __getitem__(self, name: str) -> np.ndarray:
        self._fetch()
        if name not in self._values:
            raise KeyError(
                f"{name!r} was not recorded. Recorded: {sorted(self._values)}"
            )
        return self._values[name][: self._count].copy()

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(*error.args) from None

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        self._fetch()
        return self._count

    def __repr__(self) -> str:
        return (
            f"<History of {len(self)} steps, {len(self.layers)} layers: "
            f"{', '.join(self.names) or 'nothing recorded'}>"
        )
