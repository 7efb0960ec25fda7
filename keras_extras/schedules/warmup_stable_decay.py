from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.curve import as_float
from keras_extras.schedules.linear_to_zero import check_warmup
from keras_extras.schedules.rise import rise

SHAPES = ("1-sqrt", "linear", "cosine")


@keras.saving.register_keras_serializable(package="keras_extras")
class WarmupStableDecay(Curve):
    """Warms up, stays constant for most of the training, then decays to zero (WSD).

    It is about as good as a cosine of the same length, and the length can be chosen
    late: a longer training differs only in the cooldown, so it can continue from a file
    saved before the cooldown. `keras_extras.callbacks.CooldownAtStop` chooses the start
    of the cooldown during training. If the length is fixed, `LinearToZero` is simpler.

    With N = `total_steps`, C = `cooldown * N` rounded, at least 1, and
    x = (t - (N - C)) / C, the value at step t is `peak` until x = 0, then `peak` times
    `1 - sqrt(x)`, `1 - x` or `(1 + cos(pi * x)) / 2`, and 0 from N on. The warm-up of W
    steps has `peak * (t + 1) / (W + 1)`.

    Args:
        peak: Float, the value between warm-up and cooldown.
        total_steps: Integer, the step at which the value is 0.
        warmup_steps: Integer, number of steps in which the value rises; there must be
            at least one step between warm-up and cooldown. Defaults to `0`.
        cooldown: Float between 0 and 1, the share of `total_steps` in which the value
            falls. Defaults to `0.2`.
        shape: `"1-sqrt"`, `"linear"` or `"cosine"`: the curve of the cooldown. Defaults
            to `"1-sqrt"`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    rate = keras_extras.schedules.WarmupStableDecay(1e-3, 10_000, warmup_steps=500)
    model.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy")
    ```

    References:
        Hu et al. (2024), "MiniCPM: Unveiling the Potential of Small Language Models
        with Scalable Training Strategies", arXiv:2404.06395.
        Hägele et al. (2024), "Scaling Laws and Compute-Optimal Training Beyond Fixed
        Training Durations" (the shape 1-sqrt), arXiv:2405.18392.
    """

    def __init__(
        self,
        peak: float,
        total_steps: int,
        warmup_steps: int = 0,
        cooldown: float = 0.2,
        shape: str = "1-sqrt",
    ) -> None:
        self.peak = checks.check_rate("peak", peak)
        self.total_steps = checks.check_count("total_steps", total_steps)
        self.cooldown = checks.check_fraction("cooldown", cooldown)
        self.shape = checks.check_choice("shape", shape, SHAPES)
        self.cooldown_steps = max(round(self.cooldown * self.total_steps), 1)
        after = min(self.cooldown_steps, self.total_steps - 1)
        self.warmup_steps = check_warmup(warmup_steps, self.total_steps, after)

    def __call__(self, step: Any) -> Any:
        t = as_float(step)
        left = (self.total_steps - t) / self.cooldown_steps
        return self.peak * rise(t, self.warmup_steps) * cool(left, self.shape)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "cooldown": self.cooldown,
            "shape": self.shape,
        }


def cool(left: Any, shape: str) -> Any:
    """Returns what is left of the value in a cooldown.

    Args:
        left: Share of the cooldown that is left; above 1 it has not begun. What is
            over, close to 1 in the last steps, would have lost their digits.
        shape: One of `SHAPES`.
    """
    ops = keras.ops
    left = ops.clip(left, 0.0, 1.0)
    if shape == "linear":
        return left
    if shape == "cosine":
        return ops.square(ops.sin(np.pi / 2 * left))
    return left / (1.0 + ops.sqrt(1.0 - left))
