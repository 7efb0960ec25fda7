"""Stand in the place of a hyperparameter in an optimizer while it is driven.

They are floats, or pretend to be the schedule that was there: so files saved in
mid-training hold what the user compiled the model with, and load anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.steering.effective_value import EffectiveValue


class ValueProxy(float):
    """A float hyperparameter that becomes a function of the step in a trace.

    Keras' optimizers keep `momentum` and the like as Python floats, which tracing
    turns into constants. This one compares, prints and serialises as the float that
    it replaces, while conversion to a tensor and arithmetic give the value that the
    effective value has at `optimizer.iterations`. `float(value)` is the present one.
    """

    effective: EffectiveValue

    def __new__(cls, base: float, effective: EffectiveValue) -> ValueProxy:
        proxy = super().__new__(cls, base)
        proxy.effective = effective
        return proxy

    @property
    def dtype(self) -> str:
        """Type of the tensor; Keras asks for it before it multiplies."""
        return keras.config.floatx()

    def __tf_tensor__(self, dtype: Any = None, name: Any = None) -> Any:
        value = keras.ops.convert_to_tensor(self.effective.tensor())
        if dtype is None or value.dtype == dtype:
            return value
        return keras.ops.cast(value, getattr(dtype, "name", dtype))

    def __jax_array__(self) -> Any:
        return keras.ops.convert_to_tensor(self.effective.tensor())

    def __float__(self) -> float:
        return self.effective.number()

    def __neg__(self) -> Any:
        return keras.ops.negative(self.effective.tensor())

    def __reduce__(self) -> Any:
        return float, (float.__float__(self),)


def _binary(name: str, swapped: bool) -> Callable[[ValueProxy, Any], Any]:
    def operation(self: ValueProxy, other: Any) -> Any:
        function, value = getattr(keras.ops, name), self.effective.tensor()
        return function(other, value) if swapped else function(value, other)

    return operation


for _symbol, _name in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "pow": "power",
}.items():
    setattr(ValueProxy, f"__{_symbol}__", _binary(_name, swapped=False))
    setattr(ValueProxy, f"__r{_symbol}__", _binary(_name, swapped=True))


class RateProxy(LearningRateSchedule, float):
    """A learning rate that follows an effective value, in the place of its own."""

    effective: EffectiveValue

    def __new__(cls, base: float, effective: EffectiveValue) -> RateProxy:
        proxy = super().__new__(cls, base)
        proxy.effective = effective
        return proxy

    def __init__(self, base: float, effective: EffectiveValue) -> None:
        pass

    def __call__(self, step: Any) -> Any:
        return self.effective.at(step)

    def __reduce__(self) -> Any:
        return float, (float.__float__(self),)


class ScheduleProxy(LearningRateSchedule):
    """A learning rate that follows an effective value, in the place of a schedule.

    It serialises as the schedule that it replaces, hence the borrowed class.
    """

    def __init__(self, base: LearningRateSchedule, effective: EffectiveValue) -> None:
        self.base = base
        self.effective = effective

    @property  # type: ignore[misc]  # mypy knows `__class__` as a type only
    def __class__(self) -> Any:
        return type(self.base)

    def __call__(self, step: Any) -> Any:
        return self.effective.at(step)

    def get_config(self) -> dict[str, Any]:
        return self.base.get_config()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.base.__reduce_ex__(protocol)
