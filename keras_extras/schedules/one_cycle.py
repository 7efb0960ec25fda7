from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import keras

from keras_extras import checks
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.interpolation import ANNEALS
from keras_extras.schedules.interpolation import interpolate


@dataclass(frozen=True)
class Preset:
    """Holds what an implementation of 1cycle takes for granted.

    Attributes:
        anneal: How to get from one value to the next.
        phases: 2, or 3 where the rate comes back to its start before it vanishes.
        rise: Share of the steps in which the rate rises; `None` for as many steps
            as it falls.
        start: Divisor of the highest rate that gives the first.
        last: Divisor that gives the last rate.
        last_of: Of which rate: `"start"` or `"max"`.
    """

    anneal: str
    phases: int
    rise: float | None
    start: float
    last: float
    last_of: str = "start"


PRESETS = {
    "book": Preset("linear", 3, None, 10.0, 1e3),
    "torch": Preset("cosine", 2, 0.3, 25.0, 1e4),
    "fastai": Preset("cosine", 2, 0.25, 25.0, 1e5, last_of="max"),
    "optax": Preset("cosine", 2, 0.3, 25.0, 1e4),
}


@keras.saving.register_keras_serializable(package="keras_extras")
class OneCycle(Curve):
    """Raises the learning rate, lowers it, then lowers it to almost 0: 1cycle.

    As the `learning_rate` of an optimizer it changes only the learning rate. The
    matching momentum is `OneCycleMomentum`; `keras_extras.callbacks.OneCycleScheduler`
    schedules both. After `iterations` steps the last value is kept: use another curve
    for a training of unknown length.

    Args:
        iterations: Integer, length of the cycle in optimizer steps.
        max_rate: Float, the highest learning rate.
        start_rate: Float, the first learning rate. Defaults to a tenth of
            `max_rate`, with the other presets to a twenty-fifth.
        last_iterations: Integer, length of the last phase, with three phases.
            Defaults to a tenth of `iterations` plus one; in PyTorch's curve to the
            steps that remain when the rate is back at its start.
        last_rate: Float, the last learning rate. Defaults to a thousandth of
            `start_rate`; PyTorch and optax: a ten-thousandth; fastai: a
            hundred-thousandth of `max_rate`.
        anneal: `"linear"` or `"cosine"`. Defaults to `"linear"`, with the other
            presets to `"cosine"`.
        rise: Float, share of `iterations` in which the rate rises. Defaults to half of
            the steps before the last phase; PyTorch and optax: 0.3; fastai: 0.25.
        phases: 3, or 2 for a rate that falls from its highest to its last value in
            one phase. Defaults to 3, with the other presets to 2.
        preset: Whose defaults and way of counting steps to use: `"book"` (Géron's),
            `"torch"` (whose curve ends on the last step rather than after it),
            `"fastai"` or `"optax"`. Defaults to `"book"`.

    Raises:
        ValueError: If an argument has no valid value, `start_rate` exceeds
            `max_rate`, or there are fewer steps than phases.

    Example:

    ```python
    cycle = keras_extras.schedules.OneCycle(1000, max_rate=0.05)
    cycle.plot(1000).show()
    model.compile(keras.optimizers.SGD(cycle), "sparse_categorical_crossentropy")
    ```

    References:
        Smith & Topin (2017), "Super-Convergence: Very Fast Training of Neural
        Networks Using Large Learning Rates", arXiv:1708.07120.
        Smith (2018), "A disciplined approach to neural network hyper-parameters",
        arXiv:1803.09820.
        Géron, "Hands-On Machine Learning", chapter 11.
    """

    def __init__(
        self,
        iterations: int,
        max_rate: float,
        start_rate: float | None = None,
        last_iterations: int | None = None,
        last_rate: float | None = None,
        anneal: str | None = None,
        rise: float | None = None,
        phases: int | None = None,
        preset: str = "book",
    ) -> None:
        usual = check_shape(last_iterations, anneal, rise, phases, preset)
        self.max_rate = checks.check_rate("max_rate", max_rate)
        self.start_rate = check_start_rate(start_rate, self.max_rate, usual)
        rates = {"start": self.start_rate, "max": self.max_rate}
        self.last_rate = check_last_rate(last_rate, rates[usual.last_of], usual)
        if self.last_rate > self.max_rate:
            raise ValueError(
                "`last_rate` must not exceed `max_rate`. "
                f"Received: last_rate={last_rate}, max_rate={max_rate}"
            )
        self.anneal = anneal or usual.anneal
        self.phases = phases or usual.phases
        self.iterations = checks.check_count("iterations", iterations)
        self.last_iterations, self.rise, self.preset = last_iterations, rise, preset
        self.steps = cycle_steps(
            self.iterations, last_iterations, rise, self.phases, preset
        )

    @property
    def turns(self) -> list[float]:
        """The rates at which the phases begin and end."""
        start, high, last = self.start_rate, self.max_rate, self.last_rate
        return [start, high, last] if self.phases == 2 else [start, high, start, last]

    def __call__(self, step: Any) -> Any:
        return interpolate(step, self.steps, self.turns, self.anneal)

    def get_config(self) -> dict[str, Any]:
        return {
            "iterations": self.iterations,
            "max_rate": self.max_rate,
            "start_rate": self.start_rate,
            "last_iterations": self.last_iterations,
            "last_rate": self.last_rate,
            "anneal": self.anneal,
            "rise": self.rise,
            "phases": self.phases,
            "preset": self.preset,
        }


def check_shape(
    last_iterations: int | None,
    anneal: str | None,
    rise: float | None,
    phases: int | None,
    preset: str,
) -> Preset:
    """Returns the defaults of `preset`, if the other arguments are valid."""
    checks.check_choice("preset", preset, tuple(PRESETS))
    checks.check_choice("anneal", anneal, (None, *ANNEALS))
    checks.check_choice("phases", phases, (None, 2, 3))
    if rise is not None:
        checks.check_fraction("rise", rise)
    if last_iterations is not None:
        checks.check_count("last_iterations", last_iterations)
        if (phases or PRESETS[preset].phases) == 2:
            raise ValueError(
                "`last_iterations` needs `phases=3`. Received: "
                f"last_iterations={last_iterations}, phases={phases}, "
                f"preset={preset!r}"
            )
    return PRESETS[preset]


def check_start_rate(start_rate: float | None, max_rate: float, usual: Preset) -> float:
    """Returns the first learning rate."""
    if start_rate is None:
        return max_rate / usual.start
    start_rate = checks.check_positive("start_rate", start_rate)
    if start_rate > max_rate:
        raise ValueError(
            "`start_rate` must not exceed `max_rate`. "
            f"Received: start_rate={start_rate}, max_rate={max_rate}"
        )
    return start_rate


def check_last_rate(last_rate: float | None, rate: float, usual: Preset) -> float:
    """Returns the last learning rate."""
    if last_rate is None:
        return rate / usual.last
    return checks.check_not_negative("last_rate", last_rate)


def cycle_steps(
    iterations: int,
    last_iterations: int | None,
    rise: float | None,
    phases: int,
    preset: str,
) -> list[float]:
    """Returns the steps at which the phases of a cycle begin and end.

    Raises:
        ValueError: If there are too few steps for the phases.
    """
    rise = PRESETS[preset].rise if rise is None else rise
    if preset == "torch":
        steps = _torch_steps(iterations, last_iterations, rise or 0.3, phases)
    elif phases == 2:
        top = iterations // 2 if rise is None else rise * iterations
        steps = [0.0, top if preset == "fastai" else int(top), iterations]
    else:
        last = last_iterations or iterations // 10 + 1
        half = (iterations - last) // 2
        # The book's fall takes as long as its rise, whatever a division leaves over.
        back = 2 * half if rise is None else iterations - last
        steps = [0, half if rise is None else int(rise * iterations), back, iterations]
    if any(end <= begin for begin, end in itertools.pairwise(steps)):
        raise ValueError(
            f"`iterations` must leave at least one step for each of {phases} phases. "
            f"Received: iterations={iterations}, last_iterations={last_iterations}, "
            f"rise={rise}, preset={preset!r}, with phases that begin at {steps[:-1]} "
            f"and end at {steps[-1]}"
        )
    return [float(step) for step in steps]


def _torch_steps(
    iterations: int, last_iterations: int | None, rise: float, phases: int
) -> list[float]:
    top, end = rise * iterations - 1, iterations - 1
    if phases == 2:
        return [0, top, end]
    back = 2 * top if last_iterations is None else end - last_iterations
    return [0, top, back, end]
