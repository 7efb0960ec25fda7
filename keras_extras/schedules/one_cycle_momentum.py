from __future__ import annotations

from typing import Any

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.interpolation import interpolate
from keras_extras.schedules.one_cycle import check_shape
from keras_extras.schedules.one_cycle import cycle_steps


@keras.saving.register_keras_serializable(package="keras_extras")
class OneCycleMomentum(Curve):
    """Lowers the momentum while `OneCycle` raises the rate, then raises it again.

    In the last phase the momentum stays at its highest value.
    `keras_extras.callbacks.OneCycleScheduler` schedules both; use this curve with
    `HyperparameterScheduler` to cycle the momentum only.

    Args:
        iterations: Integer, length of the cycle in optimizer steps.
        max_momentum: Float, the first and last momentum. Defaults to `0.95`.
        min_momentum: Float, the momentum at the highest rate. Defaults to `0.85`.
        last_iterations: As in `OneCycle`.
        anneal: As in `OneCycle`.
        rise: As in `OneCycle`.
        phases: As in `OneCycle`.
        preset: As in `OneCycle`. Defaults to `"book"`.

    Raises:
        ValueError: If an argument has no valid value, `min_momentum` exceeds
            `max_momentum`, or there are fewer steps than phases.

    Example:

    ```python
    momentum = keras_extras.schedules.OneCycleMomentum(1000)
    scheduler = keras_extras.callbacks.HyperparameterScheduler("momentum", momentum)
    model.fit(x, y, callbacks=[scheduler])
    ```

    References:
        Smith (2018), "A disciplined approach to neural network hyper-parameters",
        arXiv:1803.09820.
    """

    def __init__(
        self,
        iterations: int,
        max_momentum: float = 0.95,
        min_momentum: float = 0.85,
        last_iterations: int | None = None,
        anneal: str | None = None,
        rise: float | None = None,
        phases: int | None = None,
        preset: str = "book",
    ) -> None:
        usual = check_shape(last_iterations, anneal, rise, phases, preset)
        check_momenta(max_momentum, min_momentum)
        self.max_momentum, self.min_momentum = float(max_momentum), float(min_momentum)
        self.anneal = anneal or usual.anneal
        self.phases = phases or usual.phases
        self.iterations = checks.check_count("iterations", iterations)
        self.last_iterations, self.rise, self.preset = last_iterations, rise, preset
        self.steps = cycle_steps(
            self.iterations, last_iterations, rise, self.phases, preset
        )

    @property
    def turns(self) -> list[float]:
        """The momenta at which the phases begin and end."""
        high, low = self.max_momentum, self.min_momentum
        return [high, low, high] if self.phases == 2 else [high, low, high, high]

    def __call__(self, step: Any) -> Any:
        return interpolate(step, self.steps, self.turns, self.anneal)

    def get_config(self) -> dict[str, Any]:
        return {
            "iterations": self.iterations,
            "max_momentum": self.max_momentum,
            "min_momentum": self.min_momentum,
            "last_iterations": self.last_iterations,
            "anneal": self.anneal,
            "rise": self.rise,
            "phases": self.phases,
            "preset": self.preset,
        }


def check_momenta(max_momentum: float, min_momentum: float) -> None:
    """Raises an error unless both are momenta, and in order."""
    checks.check_momentum("max_momentum", max_momentum)
    checks.check_momentum("min_momentum", min_momentum)
    if min_momentum > max_momentum:
        raise ValueError(
            "`min_momentum` must not exceed `max_momentum`. Received: "
            f"min_momentum={min_momentum}, max_momentum={max_momentum}"
        )
