"""Checks that the hyperparameters of a model can be driven."""

from __future__ import annotations

import warnings
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.backends.load_steering import load_steering
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.rates import rate_in_place

_NOT_DRIVEN = frozenset(
    {"loss_scale_factor", "gradient_accumulation_steps", "ema_overwrite_frequency"}
)


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


def check_model(model: Any) -> None:
    """Raises an error unless the hyperparameters of a model can be driven.

    Raises:
        NotImplementedError: On a backend or in a mode of it that cannot be driven.
        ValueError: If the model has no optimizer.
    """
    load_steering()
    if getattr(keras.config, "is_nnx_enabled", bool)():
        raise NotImplementedError(
            "keras_extras drives hyperparameters on JAX without Flax NNX only. "
            "Received: keras.config.is_nnx_enabled()=True"
        )
    if getattr(model, "optimizer", None) is None:
        raise ValueError(
            "Schedules need a model that is compiled with an optimizer. "
            f"Received: model={model!r}, model.optimizer=None"
        )
    others = [
        each.name
        for each in hyperparameters.optimizers_of(model)
        if each is not model.optimizer
    ]
    if others:
        warnings.warn(
            "Schedules drive the optimizer that a model is compiled with, "
            f"{model.optimizer.name!r}. This model holds other optimizers too, which "
            f"go on as they are: {', '.join(others)}",
            stacklevel=2,
        )
