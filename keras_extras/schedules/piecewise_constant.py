from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.curve import as_float


@keras.saving.register_keras_serializable(package="keras_extras")
class PiecewiseConstant(Curve):
    """Changes the value in steps, at given boundaries.

    The value changes *at* each boundary: `PiecewiseConstant([100], [0.1, 0.01])` is
    0.1 for the first hundred steps (0 to 99). Keras' own `PiecewiseConstantDecay`
    changes one step later.

    Args:
        boundaries: List of the steps at which the value changes, increasing.
        values: List of numbers >= 0, one more than `boundaries`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    rate = keras_extras.schedules.PiecewiseConstant([5000, 15_000], [0.01, 5e-3, 1e-3])
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    ```
    """

    def __init__(self, boundaries: list[float], values: list[float]) -> None:
        self.boundaries = checks.check_increasing("boundaries", boundaries)
        fits = isinstance(values, list | tuple) and len(values) == len(boundaries) + 1
        if not fits or not all(checks.is_number(v) and v >= 0 for v in values):
            raise ValueError(
                "`values` must be a list of numbers >= 0, one more than `boundaries`. "
                f"Received: boundaries={boundaries!r}, values={values!r}"
            )
        self.constants = [float(v) for v in values]

    def __call__(self, step: Any) -> Any:
        ops, floatx = keras.ops, keras.config.floatx()
        boundaries = ops.convert_to_tensor(np.array(self.boundaries, floatx))
        passed = ops.greater_equal(ops.expand_dims(as_float(step), -1), boundaries)
        place = ops.sum(ops.cast(passed, "int32"), axis=-1)
        return ops.take(ops.convert_to_tensor(np.array(self.constants, floatx)), place)

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.constants}
