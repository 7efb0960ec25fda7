from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import keras
import numpy as np

if TYPE_CHECKING:
    import plotly.graph_objects as go

_PLOTTED_STEPS = 1000


class Curve(keras.optimizers.schedules.LearningRateSchedule):
    """Computes a hyperparameter from the step: the base class of all curves here.

    A curve depends on the step only, so it is right with `steps_per_execution` and
    after a restart. Pass one as the `learning_rate` of any Keras optimizer, or to
    `keras_extras.callbacks.HyperparameterScheduler` for another hyperparameter. To
    write one, implement `__call__` with `keras.ops`, and `get_config`. If the learning
    rate depends on how training goes, use
    `keras_extras.callbacks.PerformanceScheduler`.

    Example:

    ```python
    @keras.saving.register_keras_serializable("my_package")
    class Triangle(keras_extras.schedules.Curve):
        def __init__(self, half, high):
            self.half, self.high = half, high

        def __call__(self, step):
            step = keras.ops.cast(step, "float32")
            away = keras.ops.abs(step - self.half) / self.half
            return self.high * keras.ops.maximum(1.0 - away, 0.0)

        def get_config(self):
            return {"half": self.half, "high": self.high}

    Triangle(half=50, high=0.1).values(100)
    ```
    """

    def values(self, total_steps: int) -> np.ndarray:
        """Returns the values at the steps `0 ... total_steps - 1`."""
        return self.at(np.arange(total_steps))

    def at(self, steps: Any) -> np.ndarray:
        """Returns the values at an array of steps."""
        return evaluate(self, steps)

    def plot(self, total_steps: int, title: str | None = None) -> go.Figure:
        """Returns a Plotly figure of what the curve does in `total_steps` steps.

        Args:
            total_steps: Integer. How many steps to draw.
            title: String to put above, or `None` for the name of the class.

        Raises:
            ImportError: If Plotly is not installed.
            ValueError: If `total_steps` is not a positive integer.
        """
        from keras_extras.checks import check_count
        from keras_extras.plotting import line_figure

        last = check_count("total_steps", total_steps) - 1
        count = min(last + 1, _PLOTTED_STEPS)
        steps = np.unique(np.linspace(0, last, count).round().astype(np.int64))
        name = title or type(self).__name__
        return line_figure(steps, {name: self.at(steps)}, title=name)


def evaluate(schedule: Any, steps: Any) -> np.ndarray:
    """Returns what any `LearningRateSchedule` gives at an array of steps."""
    steps = np.asarray(steps, np.int64)
    try:
        values = keras.ops.convert_to_numpy(schedule(steps))
        if values.shape == steps.shape:
            return values
    except Exception:  # whatever a schedule that takes one step makes of many
        pass
    one_by_one = [keras.ops.convert_to_numpy(schedule(step)) for step in steps]
    return np.array(one_by_one, keras.config.floatx())


def as_float(step: Any) -> Any:
    """Returns the step in the float type that Keras computes in."""
    return keras.ops.cast(step, keras.config.floatx())
