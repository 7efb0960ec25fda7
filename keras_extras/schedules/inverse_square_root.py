from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.curve import as_float


@keras.saving.register_keras_serializable(package="keras_extras")
class InverseSquareRoot(Curve):
    """Rises in a warm-up, then falls with the square root of the step.

    The schedule of the first transformers. It needs no length and never ends: cool down
    after it (`keras_extras.callbacks.CooldownAtStop`), or take `LinearToZero` where the
    length is known.

    With W = `warmup_steps`, the value at step t is
    `peak * min((t + 1) / W, sqrt(W / (t + 1)))`: `peak` at step W - 1.

    Args:
        peak: Float, the highest value. In the paper it is
            `1 / sqrt(d_model * warmup_steps)`.
        warmup_steps: Integer, the steps in which the value rises, and the time scale
            on which it falls.

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
