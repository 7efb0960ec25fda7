"""What a step costs that is not sampled, in microseconds.

The baseline overrides the same hooks with nothing, since Keras itself takes time to
call them; the model is so small that microseconds are more than the noise. Measured is
the processor time of the thread that trains: on a step that is not sampled there is
nothing for another one to do.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import keras
from paired import BLOCK
from paired import Arm
from paired import compare
from trainings import Training

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import TrainingDiagnostics

_BOUND = 10.0  # microseconds
_NEVER = 10**9


def empty_callback(like: type) -> Any:
    """Returns a callback with the hooks of the class `like`, all doing nothing."""

    def nothing(self: Any, *arguments: Any, **named: Any) -> None:
        pass

    base = keras.callbacks.Callback
    hooks = [name for name in dir(base) if name.startswith("on_")]
    overridden = {
        name: nothing for name in hooks if getattr(like, name) != getattr(base, name)
    }
    return type("Empty", (base,), overridden)()


def print_unsampled(training: Training, steps: int) -> bool:
    """Prints the table, and returns whether the bound is met."""
    empty = lambda logs: [empty_callback(TrainingDiagnostics)]
    arms = [
        Arm("empty callback", empty),
        Arm("empty callback again (control)", empty),
        Arm("no callback"),
        _arm(TrainingDiagnostics, verbose=0),
        _arm(GradientLogger),
        _arm(ActivationLogger),
    ]
    compare(arms, training, steps, clock=time.thread_time)
    print("\nA step that is not sampled\n")
    print("| arm | microseconds | beyond the first | samples | bound | |")
    print("|---|---|---|---|---|---|")
    met = [_print_row(arm, arms[0], number > 2) for number, arm in enumerate(arms)]
    return all(met)


def _arm(callback: type, **arguments: Any) -> Arm:
    name = f"`{callback.__name__}(every=10**9)`"
    return Arm(name, lambda logs: [callback(every=_NEVER, **arguments)])


def _print_row(arm: Arm, base: Arm, has_bound: bool) -> bool:
    taken, other = _quiet(arm), _quiet(base)
    extra = taken - other
    met = not has_bound or extra <= _BOUND
    cells = [arm.name, f"{taken:.1f}", f"{extra:+.1f}", str(arm.recorded)]
    cells += [f"{_BOUND:g}" if has_bound else ""]
    cells += [("met" if met else "**not met**") if has_bound else ""]
    print(f"| {' | '.join(cells)} |", flush=True)
    return met


def _quiet(arm: Arm) -> float:
    """Returns the microseconds of a step at the lowest decile of the turns.

    The same work takes up to twice the processor time while a neighbour shares the
    core. The last turn is left out: it holds what comes once, at the end.
    """
    return statistics.quantiles(arm.turns[:-1], n=10)[0] * 1e6 / BLOCK
