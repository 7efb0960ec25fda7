from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve


@keras.saving.register_keras_serializable(package="keras_extras")
class Warmup(Curve):
    """Rises linearly to the first value of a curve, then follows the curve.

    The curve counts its steps from the end of the warm-up. Use it for large batches and
    for transformers, whose first gradients are unreliable. `OneCycle` already has a
    warm-up.

    Args:
        curve: Curve, or any Keras `LearningRateSchedule`.
        warmup_steps: Integer, number of steps in which the value rises.
        start: Float, the value at step 0. Defaults to `0.0`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    schedules = keras_extras.schedules
    rate = schedules.Warmup(schedules.Cosine(0.1, 9000), warmup_steps=1000)
    model.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy")
    ```

    References:
        Goyal et al. (2017), "Accurate, Large Minibatch SGD", arXiv:1706.02677.
    """

    def __init__(self, curve: Any, warmup_steps: int, start: float = 0.0) -> None:
        if not isinstance(curve, keras.optimizers.schedules.LearningRateSchedule):
            raise ValueError(
                "`curve` must be a curve or a Keras schedule. "
                f"Received: curve={curve!r}"
            )
        self.curve = curve
        self.warmup_steps = checks.check_count("warmup_steps", warmup_steps)
        self.start = checks.check_not_negative("start", start)

    def __call__(self, step: Any) -> Any:
        ops = keras.ops
        step = ops.cast(step, "int32")
        later = ops.convert_to_tensor(
            self.curve(ops.maximum(step - self.warmup_steps, 0))
        )
        done = ops.cast(step, later.dtype) / self.warmup_steps
        # While it rises, `later` is the first value of the curve.
        rising = self.start * (1.0 - done) + later * done
        return ops.where(step < self.warmup_steps, rising, later)

    def get_config(self) -> dict[str, Any]:
        return {
            "curve": keras.saving.serialize_keras_object(self.curve),
            "warmup_steps": self.warmup_steps,
            "start": self.start,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Warmup:
        curve = keras.saving.deserialize_keras_object(config["curve"])
        return cls(curve, config["warmup_steps"], config["start"])
