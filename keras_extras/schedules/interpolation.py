from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.curve import as_float

ANNEALS = ("linear", "cosine")


@keras.saving.register_keras_serializable(package="keras_extras")
class Interpolation(Curve):
    """Interpolates between given values at given steps, linearly or along cosines.

    Before the first step the value is the first one, after the last step the last one.
    Use it for curves that this package has no class for.

    Args:
        steps: List of at least two numbers >= 0 that increase; fractions are
            allowed.
        values: List of numbers >= 0, one for each of `steps`.
        anneal: `"linear"` or `"cosine"`: how to interpolate between two values.
            Defaults to `"linear"`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    trapezoid = keras_extras.schedules.Interpolation(
        steps=[0, 100, 900, 1000], values=[0.0, 0.1, 0.1, 0.0]
    )
    model.compile(keras.optimizers.SGD(trapezoid), "sparse_categorical_crossentropy")
    ```
    """

    def __init__(
        self, steps: list[float], values: list[float], anneal: str = "linear"
    ) -> None:
        self.steps = checks.check_increasing("steps", steps)
        fits = isinstance(values, list | tuple) and len(values) == len(steps)
        if (
            len(steps) < 2
            or not fits
            or not all(checks.is_number(v) and v >= 0 for v in values)
        ):
            raise ValueError(
                "`values` must be a list of numbers >= 0, one for each of at least two "
                f"`steps`. Received: steps={steps!r}, values={values!r}"
            )
        self.interpolated = [float(v) for v in values]
        self.anneal = checks.check_choice("anneal", anneal, ANNEALS)

    def __call__(self, step: Any) -> Any:
        return interpolate(step, self.steps, self.interpolated, self.anneal)

    def get_config(self) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "values": self.interpolated,
            "anneal": self.anneal,
        }


def interpolate(step: Any, steps: list[float], values: list[float], anneal: str) -> Any:
    """Returns the value at `step` of the curve through `(steps, values)`."""
    return blend(position(step, steps, anneal), values)


def position(step: Any, steps: list[float], anneal: str) -> tuple[Any, Any, Any]:
    """Returns which piece `step` is in, and the weights of its two ends.

    Both ends are weighted, rather than their difference added to one: so a last
    value that is a millionth of the largest keeps all of its digits.
    """
    ops, floatx = keras.ops, keras.config.floatx()
    x = ops.clip(as_float(step), steps[0], steps[-1])
    begins, ends = np.array(steps[:-1], floatx), np.array(steps[1:], floatx)
    inner = ops.convert_to_tensor(ends[:-1])
    passed = ops.greater_equal(ops.expand_dims(x, -1) if ops.ndim(x) else x, inner)
    piece = ops.sum(ops.cast(passed, "int32"), axis=-1)
    table = np.stack([begins, ends, 1 / (ends - begins)])
    chosen = ops.take(ops.convert_to_tensor(table), piece, axis=1)
    begin, end, per_width = ops.unstack(chosen, 3)
    left, done = (end - x) * per_width, (x - begin) * per_width
    if anneal == "cosine":
        left, done = (ops.square(ops.sin(np.pi / 2 * p)) for p in (left, done))
    return piece, left, done


def blend(place: tuple[Any, Any, Any], values: list[float]) -> Any:
    """Returns the value at a position of the curve through `values`."""
    ops = keras.ops
    piece, left, done = place
    table = np.array([values[:-1], values[1:]], keras.config.floatx())
    first, last = ops.unstack(ops.take(ops.convert_to_tensor(table), piece, axis=1), 2)
    return first * left + last * done
