"""A case in a set-up: plain twice, then with callbacks, compared bit for bit."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from identity_matrix.case import Case
from identity_matrix.setups import Setup
from identity_matrix.state import differences
from identity_matrix.training import Training
from identity_matrix.training import train
from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics

SAME, DIFFERS, FAILS = "same", "DIFFERS", "FAILS"
NOT_DETERMINISTIC, PLAIN_FAILS = "not deterministic", "plain fails"


@dataclass
class Outcome:
    """What one set of callbacks did to a training.

    Attributes:
        status: `"same"`, `"DIFFERS"`, or `"FAILS"` where `fit` raised.
        recorded: Steps recorded, with gradients, and with activations.
        tracings: Tracings of the train function, and those of the plain one.
        differing: Largest difference of each array that differs.
        warnings: Messages that the plain training does not give.
        error: What was raised.
        seconds: Processor time of the training, beyond the plain one.
    """

    status: str = SAME
    recorded: tuple[int, int, int] = (0, 0, 0)
    tracings: tuple[int | None, int | None] = (None, None)
    differing: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0


@dataclass
class Pair:
    """The outcomes of a case in a set-up.

    Attributes:
        case: Name of the case.
        setup: Name of the set-up.
        status: The worst of the outcomes, or why the pair does not count.
        reason: Why plain training failed, or what differed in its repetition.
        seconds: Processor time of plain training.
        outcomes: By the name of the callbacks.
    """

    case: str
    setup: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Tells whether plain training works, and comes out the same twice."""
        return self.status in (SAME, DIFFERS, FAILS)

    @property
    def bad(self) -> bool:
        """Tells whether callbacks changed the training, or ended it."""
        return self.status in (DIFFERS, FAILS)

    @property
    def traced_more(self) -> bool:
        """Tells whether the train function was traced more often than plainly."""
        counts = [each.tracings for each in self.outcomes.values()]
        return any((ours or 0) > (plain or 0) for ours, plain in counts)

    @property
    def recorded_nothing(self) -> bool:
        """Tells whether some callbacks saw no gradient and no activation."""
        return any(not any(each.recorded[1:]) for each in self.outcomes.values())

    def as_dict(self) -> dict[str, Any]:
        """Returns plain values, for JSON."""
        return asdict(self)


def _by_default(logs: str) -> list[Any]:
    return [TrainingDiagnostics(verbose=0)]


def _each_step(logs: str) -> list[Any]:
    return [TrainingDiagnostics(every=1, verbose=0)]


def _with_loggers(logs: str) -> list[Any]:
    return [
        TrainingDiagnostics(logs, every=3, verbose=0),
        GradientLogger(logs, every=3, histograms=True),
        ActivationLogger(logs, every=3, histograms=True),
        HyperparameterLogger(logs),
    ]


CALLBACKS: dict[str, Callable[[str], list[Any]]] = {
    "default": _by_default,
    "every=1": _each_step,
    "loggers": _with_loggers,
}


def run_pair(
    case: Case, setup: Setup, names: tuple[str, ...] = tuple(CALLBACKS)
) -> Pair:
    """Trains plainly, again, and with each of the callbacks."""
    pair = Pair(case.name, setup.name, SAME)
    try:
        plain = train(case, setup, [])
        again = train(case, setup, [])
    except Exception as error:
        pair.status, pair.reason = PLAIN_FAILS, _short(error)
        return pair
    pair.seconds = again.seconds
    unstable = differences(plain.state, again.state)
    if unstable:
        pair.status, pair.reason = NOT_DETERMINISTIC, ", ".join(unstable)
        return pair
    for name in names:
        outcome = _outcome(case, setup, CALLBACKS[name], plain, again.seconds)
        pair.outcomes[name] = outcome
    found = [each.status for each in pair.outcomes.values()]
    pair.status = next((s for s in (FAILS, DIFFERS) if s in found), SAME)
    gc.collect()
    return pair


def _outcome(
    case: Case,
    setup: Setup,
    make: Callable[[str], list[Any]],
    plain: Training,
    seconds: float,
) -> Outcome:
    with tempfile.TemporaryDirectory() as logs:
        callbacks = make(logs)
        try:
            ours = train(case, setup, callbacks)
        except Exception as error:
            return Outcome(FAILS, error=_short(error))
    differing = differences(plain.state, ours.state)
    return Outcome(
        DIFFERS if differing else SAME,
        recorded=_recorded(callbacks),
        tracings=(ours.tracings, plain.tracings),
        differing=differing,
        warnings=[w for w in ours.warnings if w not in plain.warnings],
        seconds=ours.seconds - seconds,
    )


def _recorded(callbacks: list[Any]) -> tuple[int, int, int]:
    """Returns steps recorded, with gradients, with activations; the fewest of any."""
    counts = [_recorded_by(each) for each in callbacks]
    return (
        min(steps for steps, _, _ in counts),
        min((g for _, g, _ in counts if g is not None), default=0),
        min((a for _, _, a in counts if a is not None), default=0),
    )


def _recorded_by(callback: Any) -> tuple[int, int | None, int | None]:
    history = callback.history
    everything = isinstance(callback, TrainingDiagnostics)
    gradients = everything or isinstance(callback, GradientLogger)
    activations = everything or isinstance(callback, ActivationLogger)
    return (
        len(history),
        _measured(history, "gradient_") if gradients else None,
        _measured(history, "activation_") if activations else None,
    )


def _measured(history: Any, prefix: str) -> int:
    """Returns the number of steps with a number in a statistic of that name."""
    found = [
        np.any(~np.isnan(history[name].reshape(len(history), -1)), axis=1)
        for name in history.names
        if name.startswith(prefix)
    ]
    return int(np.sum(np.any(found, axis=0))) if found else 0


def _short(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[:300]}"
