"""Checks that the hyperparameters of a model can be driven."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.backends.load_steering import load_steering
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.rates import rate_in_place
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.schedules.curve import evaluate

_NOT_DRIVEN = frozenset(
    {"loss_scale_factor", "gradient_accumulation_steps", "ema_overwrite_frequency"}
)
_CHECKED_STEPS = 257
# What a curve may give; a momentum of 1 never forgets.
_RANGES = {
    RATE: (0.0, 1e4),
    **dict.fromkeys(
        ("momentum", "beta_1", "beta_2", "rho", "ema_momentum"), (0.0, 1.0)
    ),
    **dict.fromkeys(
        ("weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "epsilon"),
        (0.0, np.inf),
    ),
}
_SETS_RATE = {
    keras.callbacks.ReduceLROnPlateau: (
        "Take `keras_extras.callbacks.PerformanceScheduler` in its place: it lowers "
        "what another callback, or a schedule, gives; where it is there, leave "
        "ReduceLROnPlateau out."
    ),
    keras.callbacks.LearningRateScheduler: (
        'Leave one of them out, or take `HyperparameterScheduler("learning_rate", '
        "curve)` with a curve that is the product of both."
    ),
}


def check_drivable(optimizer: Any, name: str) -> None:
    """Raises an error unless the optimizer has a number of that name."""
    if name == RATE:
        rate = rate_in_place(optimizer)
        if not isinstance(rate, keras.Variable | LearningRateSchedule):
            raise ValueError(
                "The optimizer's learning rate must be a number or a "
                f"`LearningRateSchedule`. Received: learning_rate={rate!r}"
            )
        return
    value = vars(optimizer).get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and name not in _NOT_DRIVEN:
        return
    have = [
        key
        for key, held in vars(optimizer).items()
        if isinstance(held, float)
        and not key.startswith("_")
        and key not in _NOT_DRIVEN
    ]
    known = ", ".join(sorted({RATE, *have}))
    raise ValueError(
        f"`name` must be a hyperparameter of the optimizer that is a number when "
        f"training starts; {type(optimizer).__name__} has: {known}. "
        f"Received: name={name!r}, with value {value!r}"
    )


def check_backend() -> None:
    """Raises an error on a backend, or in a mode of it, that cannot be driven.

    Raises:
        NotImplementedError: If that is so.
    """
    load_steering()
    if getattr(keras.config, "is_nnx_enabled", bool)():
        raise NotImplementedError(
            "Schedulers of keras_extras work on JAX without Flax NNX only. "
            "Received: keras.config.is_nnx_enabled()=True"
        )


def check_alone(owner: str, model: Any, parts: list[Any]) -> None:
    """Raises an error if a callback of Keras sets the learning rate as well.

    Args:
        owner: Name of the callback that drives it.
        model: The model, whose `fit` begins.
        parts: The optimizers whose rate is driven.
    """
    compiled = [] if model.optimizer is None else hyperparameters.parts(model.optimizer)
    if not any(part is each for part in parts for each in compiled):
        return  # those of Keras set the rate of the optimizer that is compiled
    for other in getattr(callbacks_of_fit(), "callbacks", ()):
        for kind, remedy in _SETS_RATE.items():
            if isinstance(other, kind):
                raise ValueError(
                    "Only one callback can set the learning rate. Received: "
                    f"{owner} and {type(other).__name__}, which both set it. {remedy}"
                )


def check_curve(owner: str, name: str, curve: Any, first: int, steps: int) -> None:
    """Raises an error unless a curve gives values that can be used in all the run.

    Args:
        owner: Name of the callback that has the curve.
        name: Name of the hyperparameter.
        curve: Function of the step.
        first: The first step.
        steps: The number of steps.
    """
    last = first + max(steps, 1) - 1
    count = min(last - first + 1, _CHECKED_STEPS)
    looked_at = np.unique(np.linspace(first, last, count).round().astype(np.int64))
    values = np.asarray(evaluate(curve, looked_at), np.float64)
    low, high = _RANGES.get(name, (-np.inf, np.inf))
    bad = ~np.isfinite(values) | (values < low) | (values > high)
    if bad.any():
        where = int(np.argmax(bad))
        raise ValueError(
            f"`curve` must give finite values of `{name}`, from {low:g} to {high:g}, "
            f"in every step of the training. Received by {owner}: "
            f"{values[where]:g} at step {looked_at[where]}"
        )
