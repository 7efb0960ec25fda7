"""What takes the place of a hyperparameter in an optimizer while it is driven.

Both are floats, or pretend to be the schedule that was there: so files saved in
mid-training hold what the user compiled the model with, and load anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.steering.law import Law


class DrivenValue(float):
    """A float hyperparameter that becomes a function of the step in a trace.

    Keras' optimizers keep `momentum` and the like as Python floats, which tracing
    turns into constants. This one compares, prints and serialises as the float that
    it replaces, while conversion to a tensor and arithmetic give the value that the
    law has at `optimizer.iterations`. `float(value)` is the present value.
    """

    law: Law

    def __new__(cls, base: float, law: Law) -> DrivenValue:
        driven = super().__new__(cls, base)
        driven.law = law
        return driven

    @property
    def dtype(self) -> str:
        """Type of the tensor; Keras asks for it before it multiplies."""
        return keras.config.floatx()

    def __tf_tensor__(self, dtype: Any = None, name: Any = None) -> Any:
        value = keras.ops.convert_to_tensor(self.law.tensor())
        if dtype is None or value.dtype == dtype:
            return value
        return keras.ops.cast(value, getattr(dtype, "name", dtype))

    def __float__(self) -> float:
        return self.law.number()

    def __neg__(self) -> Any:
        return keras.ops.negative(self.law.tensor())

    def __reduce__(self) -> Any:
        return float, (float.__float__(self),)


def _binary(name: str, swapped: bool) -> Callable[[DrivenValue, Any], Any]:
    def operation(self: DrivenValue, other: Any) -> Any:
        function, value = getattr(keras.ops, name), self.law.tensor()
        return function(other, value) if swapped else function(value, other)

    return operation


for _symbol, _name in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "pow": "power",
}.items():
    setattr(DrivenValue, f"__{_symbol}__", _binary(_name, swapped=False))
    setattr(DrivenValue, f"__r{_symbol}__", _binary(_name, swapped=True))


class DrivenRate(LearningRateSchedule, float):
    """A learning rate that follows a law, in the place of the optimizer's own."""

    law: Law

    def __new__(cls, base: float, law: Law) -> DrivenRate:
        driven = super().__new__(cls, base)
        driven.law = law
        return driven

    def __init__(self, base: float, law: Law) -> None:
        pass

    def __call__(self, step: Any) -> Any:
        return self.law.at(step)

    def __reduce__(self) -> Any:
        return float, (float.__float__(self),)


class DrivenSchedule(LearningRateSchedule):
    """A learning rate that follows a law, in the place of a schedule.

    It serialises as the schedule that it replaces, hence the borrowed class.
    """

    def __init__(self, base: LearningRateSchedule, law: Law) -> None:
        self.base = base
        self.law = law

    @property  # type: ignore[misc]  # mypy knows `__class__` as a type only
    def __class__(self) -> Any:
        return type(self.base)

    def __call__(self, step: Any) -> Any:
        return self.law.at(step)

    def get_config(self) -> dict[str, Any]:
        return self.base.get_config()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.base.__reduce_ex__(protocol)
