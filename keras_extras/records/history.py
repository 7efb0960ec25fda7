"""Keeps what a callback recorded, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_extras.records.thinning import rows_to_keep

_INITIAL_ROWS = 64
_LEAST_STEPS = 100


class History:
    """Holds the statistics of all sampled steps of one callback.

    Every statistic is an attribute, and an item: `history.gradient_norm` and
    `history["gradient_norm"]` are an array of shape `(steps, layers)`, a value
    that belongs to the whole step, such as `history.learning_rate`, one of shape
    `(steps,)`. What was not measured at a step is NaN there.

    When `max_steps` are reached, every other step or so is forgotten, again each time
    they are: what is left is spread evenly over the training. Always kept are the first
    and the last step, those with the least and the greatest finite value of a statistic
    (of each of its layers, as far as a few thousand steps suffice), and the first and
    the last steps with values that are not finite.

    Args:
        layers: Tuple of the layers' names.
        max_steps: Integer >= 100, most steps to keep, or `None` to keep all. Defaults
            to `10000`.

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

    def __init__(
        self, layers: tuple[str, ...] = (), max_steps: int | None = 10_000
    ) -> None:
        self.layers = layers
        self.max_steps = max_steps
        self.source: Callable[[], None] | None = None
        self._forgotten = 0
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
    def sampled(self) -> int:
        """Number of steps that were sampled, those forgotten included."""
        return len(self) + self._forgotten

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the recorded statistics."""
        self._fetch()
        return tuple(self._values)

    def extend(self, steps: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Adds the records of `steps`: arrays whose first axis is as long."""
        done = 0
        while done < len(steps):
            if self._count == self.max_steps:
                self._thin()
            room = (
                len(steps) if self.max_steps is None else self.max_steps - self._count
            )
            part = slice(done, done + room)
            self._append(steps[part], {name: v[part] for name, v in values.items()})
            done += room

    def _append(self, steps: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        first, self._count = self._count, self._count + len(steps)
        while self._count > len(self._steps):
            self._grow()
        self._steps[first : self._count] = steps
        for name, value in values.items():
            if name not in self._values:
                shape = (len(self._steps), *np.shape(value)[1:])
                self._values[name] = np.full(shape, np.nan)
            self._values[name][first : self._count] = value

    def _thin(self) -> None:
        """Forgets half of the steps, so that this is needed seldom."""
        count = self._count
        values = {name: value[:count] for name, value in self._values.items()}
        kept = rows_to_keep(self._steps[:count], values, count // 2)
        self._count = len(kept)
        self._forgotten += count - self._count
        self._steps[: self._count] = self._steps[kept]
        for value in values.values():
            value[: self._count] = value[kept]
            value[self._count :] = np.nan

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


def check_history_size(history_size: object) -> None:
    """Raises a `ValueError` unless a history may have so many steps, or `None`."""
    if history_size is None:
        return
    if (
        not isinstance(history_size, int)
        or isinstance(history_size, bool)
        or history_size < _LEAST_STEPS
    ):
        raise ValueError(
            f"`history_size` must be an integer >= {_LEAST_STEPS} (steps), or None. "
            f"Received: history_size={history_size!r}"
        )
