from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.curve import as_float
from keras_extras.schedules.rise import rise


@keras.saving.register_keras_serializable(package="keras_extras")
class LinearToZero(Curve):
    """Warms up, then decays linearly to zero.

    Use it for a training of known length: in the paper below, with a tuned peak, it
    ends at a lower loss than a cosine that stops at a tenth. If the length is not
    known, use `WarmupStableDecay`; to cycle the momentum as well, use `OneCycle`.

    With W = `warmup_steps` and N = `total_steps`, the value at step t is
    `peak * (t + 1) / (W + 1)` for t < W, then `peak * (N - t) / (N - W)`, and 0 from N
    on. All steps below N have a value above 0, and step W has `peak`.

    Args:
        peak: Float, the highest value.
        total_steps: Integer, the step at which the value is 0.
        warmup_steps: Integer below `total_steps`, number of steps in which the value
            rises. Defaults to `0`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    rate = keras_extras.schedules.LinearToZero(1e-3, 10_000, warmup_steps=500)
    model.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy")
    ```

    References:
        Bergsma et al. (2025), "Straight to Zero: Why Linearly Decaying the Learning
        Rate to Zero Works Best for LLMs", arXiv:2502.15938.
        Defazio et al. (2023), "Optimal Linear Decay Learning Rate Schedules and Further
        Refinements", arXiv:2310.07831.
    """

    def __init__(self, peak: float, total_steps: int, warmup_steps: int = 0) -> None:
        self.peak = checks.check_rate("peak", peak)
        self.total_steps = checks.check_count("total_steps", total_steps)
        self.warmup_steps = check_warmup(warmup_steps, self.total_steps)

    def __call__(self, step: Any) -> Any:
        t = as_float(step)
        left = (self.total_steps - t) / (self.total_steps - self.warmup_steps)
        share = keras.ops.minimum(rise(t, self.warmup_steps), left)
        return self.peak * keras.ops.maximum(share, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
        }


def check_warmup(warmup_steps: int, total_steps: int, after: int = 0) -> int:
    """Returns the length of a warm-up, if it leaves room for the steps after it."""
    warmup_steps = checks.check_count("warmup_steps", warmup_steps, least=0)
    if warmup_steps + after >= total_steps:
        most = f", less than {total_steps - after} ({total_steps} - {after})"
        raise ValueError(
            "`warmup_steps` must be less than `total_steps`"
            f"{' minus the cooldown' + most if after else ''}. Received: "
            f"warmup_steps={warmup_steps}, total_steps={total_steps}"
        )
    return warmup_steps
