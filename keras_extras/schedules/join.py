from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve


@keras.saving.register_keras_serializable(package="keras_extras")
class Join(Curve):
    """Follows several curves, one after the other.

    Each curve counts its steps from the boundary at which it begins. Any Keras
    `LearningRateSchedule` can be used as a curve.

    Args:
        curves: List of curves.
        boundaries: List of the steps at which the next curve begins, increasing, one
            fewer than `curves`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    schedules = keras_extras.schedules
    rate = schedules.Join(
        [schedules.Interpolation([0, 500], [0.0, 0.1]), schedules.Power(0.1, 1000)],
        boundaries=[500],
    )
    rate.plot(5000).show()
    ```
    """

    def __init__(self, curves: list[Any], boundaries: list[float]) -> None:
        self.boundaries = checks.check_increasing("boundaries", boundaries)
        kind = keras.optimizers.schedules.LearningRateSchedule
        fits = isinstance(curves, list | tuple) and len(curves) == len(boundaries) + 1
        if not fits or not all(isinstance(curve, kind) for curve in curves):
            raise ValueError(
                "`curves` must be a list of curves, one more than `boundaries`. "
                f"Received: curves={curves!r}, boundaries={boundaries!r}"
            )
        self.curves = list(curves)

    def __call__(self, step: Any) -> Any:
        ops = keras.ops
        step = ops.cast(step, "int32")
        value = ops.convert_to_tensor(self.curves[0](step))
        for boundary, curve in zip(self.boundaries, self.curves[1:]):
            begins = -int(-boundary // 1)
            # A curve that is not reached yet must not see negative steps.
            own = curve(ops.maximum(step - begins, 0))
            value = ops.where(step >= begins, own, value)
        return value

    def get_config(self) -> dict[str, Any]:
        return {
            "curves": [keras.saving.serialize_keras_object(c) for c in self.curves],
            "boundaries": self.boundaries,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Join:
        curves = [keras.saving.deserialize_keras_object(c) for c in config["curves"]]
        return cls(curves, config["boundaries"])
