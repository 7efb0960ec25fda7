from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.backends.load_steering import load_steering
from keras_extras.keras_internals import hyperparameters
from keras_extras.steering.update_counter import UpdateCounter

Step = Any
Curve = Callable[[Step], Any]


class EffectiveValue:
    """The value of one hyperparameter as a function of the step.

    It is what `curve` gives, or what the user set where there is no curve, times
    what each of `factors` gives. All see `optimizer.iterations`, the number of
    updates; a schedule of Keras' own below goes on to see the number of batches.

    Args:
        optimizer: The Keras optimizer, none that wraps others.
        base: What the user set: a number, a variable or a schedule.
        counter: What gives `optimizer.iterations`; all values of an optimizer share it.

    Attributes:
        curve: What the value follows, a function of the number of updates, or `None`.
        owner: Who asked for the curve, for messages.
        factors: What multiplies the value, functions of the number of updates.
    """

    def __init__(self, optimizer: Any, base: Any, counter: UpdateCounter) -> None:
        self._batches = hyperparameters.raw_iterations(optimizer)
        self._counter = counter
        self.base = base
        self.curve: Curve | None = None
        self.owner = ""
        self.factors: list[Curve] = []
        self._tensor = load_steering().once_per_update(
            self._batches, lambda: self._evaluate(self._batches)
        )

    def tensor(self) -> Any:
        """Returns the value that acts on the step that runs, or runs next."""
        return self._tensor()

    def at(self, batches: Any) -> Any:
        """Returns the value at a number of batches, as Keras' schedules count."""
        if batches is self._batches:
            return self._tensor()
        return self._evaluate(batches)

    def number(self) -> float:
        """Returns the present value; where there is none, what the user set."""
        value = load_steering().outside_of_a_trace(self._batches, self.tensor)
        return hyperparameters.number(self.base if value is None else value)

    def end(self) -> None:
        """Makes this the constant that the user set, and lets go of the trace."""
        self.curve, self.factors = None, []
        self._tensor.forget()
        self._counter.forget()

    def _evaluate(self, batches: Any) -> Any:
        ops = keras.ops
        updates = self._counter.updates_at(batches)
        value = self._own(batches) if self.curve is None else self.curve(updates)
        value = ops.cast(value, keras.config.floatx())
        for factor in self.factors:
            value = value * ops.cast(factor(updates), value.dtype)
        return value

    def _own(self, batches: Any) -> Any:
        if isinstance(self.base, LearningRateSchedule):
            return self.base(batches)
        return keras.ops.convert_to_tensor(self.base)
