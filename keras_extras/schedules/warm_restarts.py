from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.curve import as_float
from keras_extras.schedules.rise import rise

_MOST_CYCLES = 1000
_LAST_STEP = 2**31


@keras.saving.register_keras_serializable(package="keras_extras")
class WarmRestarts(Curve):
    """Decays along half a cosine in cycles, each longer than the one before (SGDR).

    The training can end after any cycle: save the model there, or use the saved models
    as an ensemble. For a training of known length `OneCycle` or `LinearToZero` is
    usually better. Each cycle begins exactly at its step, where
    `keras.optimizers.schedules.CosineDecayRestarts` rounds logarithms.

    Cycle i has `first_steps * t_mul ** i` steps, rounded. With x the share of it that
    is over, the value is `last + (peak * m_mul ** i - last) * (1 + cos(pi * x)) / 2`.
    A warm-up of W steps before the first cycle has `peak * (t + 1) / (W + 1)`.

    Args:
        peak: Float, the value at the start of the first cycle.
        first_steps: Integer, the length of the first cycle.
        t_mul: Float from 1 to 100, factor from the length of one cycle to that of the
            next. Defaults to `2.0`.
        m_mul: Float above 0, at most 1, factor from the highest value of one cycle to
            that of the next. Defaults to `1.0`.
        last: Float, at most `peak`: the value that each cycle falls to. Defaults to
            `0.0`.
        warmup_steps: Integer, number of warm-up steps before the first cycle. Defaults
            to `0`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    rate = keras_extras.schedules.WarmRestarts(0.1, first_steps=1000)
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    ```

    References:
        Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm
        Restarts", arXiv:1608.03983.
    """

    def __init__(
        self,
        peak: float,
        first_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        last: float = 0.0,
        warmup_steps: int = 0,
    ) -> None:
        self.peak = checks.check_rate("peak", peak)
        self.first_steps = checks.check_count("first_steps", first_steps)
        self.t_mul = checks.check_positive("t_mul", t_mul, most=100)
        self.m_mul = checks.check_decay("m_mul", m_mul)
        self.last = checks.check_not_negative("last", last, most=self.peak)
        self.warmup_steps = checks.check_count("warmup_steps", warmup_steps, least=0)
        self.begins = _begins(self.first_steps, self.t_mul)

    def __call__(self, step: Any) -> Any:
        ops = keras.ops
        t = as_float(step)
        # In whole steps: a float of a late step is none.
        since = ops.maximum(ops.cast(step, "int32") - self.warmup_steps, 0)
        cycle, begin, length = self._cycle(since)
        done = as_float(since - begin) / as_float(length)
        high = self.peak * ops.power(self.m_mul, as_float(cycle))
        high = ops.maximum(high, self.last)
        share = ops.square(ops.cos(np.pi / 2 * done))
        value = self.last + (high - self.last) * share
        return ops.where(
            t < self.warmup_steps, self.peak * rise(t, self.warmup_steps), value
        )

    def _cycle(self, since: Any) -> tuple[Any, Any, Any]:
        """Returns the number of the cycle, its begin and its length."""
        ops = keras.ops
        if self.begins is None:
            cycle = ops.floor_divide(since, self.first_steps)
            length = ops.full_like(cycle, self.first_steps)
            return cycle, cycle * self.first_steps, length
        later = ops.convert_to_tensor(np.array(self.begins[1:-1], "int32"))
        over = ops.greater_equal(ops.expand_dims(since, -1), later)
        cycle = ops.sum(ops.cast(over, "int32"), axis=-1)
        begins = np.array(self.begins, "int64")
        table = np.stack([begins[:-1], np.diff(begins)]).astype("int32")
        begin, length = ops.unstack(
            ops.take(ops.convert_to_tensor(table), cycle, axis=1), 2
        )
        return cycle, begin, length

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "first_steps": self.first_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "last": self.last,
            "warmup_steps": self.warmup_steps,
        }


def _begins(first_steps: int, t_mul: float) -> list[int] | None:
    """Returns the steps at which cycles begin; `None` if all have the same length."""
    if t_mul == 1.0:
        return None
    if t_mul < 1.0:
        raise ValueError(
            f"`t_mul` must be a number from 1 to 100. Received: t_mul={t_mul}"
        )
    begins, length = [0], float(first_steps)
    while begins[-1] + round(length) < _LAST_STEP and len(begins) <= _MOST_CYCLES:
        begins.append(begins[-1] + round(length))
        length *= t_mul
    if len(begins) > _MOST_CYCLES:
        raise ValueError(
            "`t_mul` must be 1, or so large that a thousand cycles take 2**31 steps. "
            f"Received: t_mul={t_mul}, first_steps={first_steps}"
        )
    return [*begins, _LAST_STEP - 1]
