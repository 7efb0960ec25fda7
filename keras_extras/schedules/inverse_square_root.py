from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.curve import as_float


@keras.saving.register_keras_serializable(package="keras_extras")
class InverseSquareRoot(Curve):
    """Warms up, then decays with the square root of the step.

    This is the schedule of the original Transformer. It does not need the length of the
    training and never reaches zero: add a cooldown
    (`keras_extras.callbacks.CooldownAtStop`), or use `LinearToZero` if the length is
    known.

    With W = `warmup_steps`, the value at step t is
    `peak * min((t + 1) / W, sqrt(W / (t + 1)))`: `peak` at step W - 1.

    Args:
        peak: Float, the highest value. In the paper it is
            `1 / sqrt(d_model * warmup_steps)`.
        warmup_steps: Integer, number of steps in which the value rises, and the time
            scale on which it falls.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    rate = keras_extras.schedules.InverseSquareRoot(1e-3, warmup_steps=4000)
    model.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy")
    ```

    References:
        Vaswani et al. (2017), "Attention Is All You Need", arXiv:1706.03762.
    """

    def __init__(self, peak: float, warmup_steps: int) -> None:
        self.peak = checks.check_rate("peak", peak)
        self.warmup_steps = checks.check_count("warmup_steps", warmup_steps)

    def __call__(self, step: Any) -> Any:
        done = (as_float(step) + 1.0) / self.warmup_steps
        return self.peak * keras.ops.minimum(done, keras.ops.rsqrt(done))

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}
