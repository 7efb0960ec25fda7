"""Checks the arguments of a training in stages, and the model it is for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras import checks
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.hyperparameters import choice_of_part
from keras_extras.keras_internals.layer_tree import own_trainable
from keras_extras.keras_internals.rates import has_number
from keras_extras.transfer.groups import Unfreezing


def check_epochs(unfreeze_at: Any) -> Unfreezing:
    """Returns `unfreeze_at` with integers; raises `ValueError` unless it is valid."""
    several = isinstance(unfreeze_at, Mapping | Sequence) and len(unfreeze_at) > 0
    epochs = list(unfreeze_at) if several else [unfreeze_at]
    counts = all(checks.is_number(e) and e == int(e) and e >= 1 for e in epochs)
    if not counts or (
        not isinstance(unfreeze_at, Mapping)
        and any(later <= e for e, later in itertools.pairwise(epochs))
    ):
        raise ValueError(
            "`unfreeze_at` must be an integer >= 1, a list of such integers, each "
            "greater than the one before, or a dict from such integers to layers. "
            f"Received: unfreeze_at={unfreeze_at!r}"
        )
    if isinstance(unfreeze_at, Mapping):
        return {int(epoch): chosen for epoch, chosen in unfreeze_at.items()}
    return [int(epoch) for epoch in epochs] if several else int(unfreeze_at)


def check_choice_of_layers(layers: Any) -> Any:
    """Returns `layers`, if it can stand for layers of some model."""
    if layers is None:
        return None
    single = isinstance(layers, str | type) or not isinstance(layers, Iterable)
    choices = [layers] if single else list(layers)
    known = str | re.Pattern | keras.layers.Layer
    valid = [
        isinstance(each, known)
        or (isinstance(each, type) and issubclass(each, keras.layers.Layer))
        for each in choices
    ]
    if not valid or not all(valid):
        raise ValueError(
            "`layers` must be names, paths or regular expressions, layers, layer "
            f"classes, or a list of these. Received: layers={layers!r}"
        )
    return layers


def check_rates(learning_rate: Any, count: int) -> list[Any] | None:
    """Returns the learning rate of each stage after the first."""
    if learning_rate is None:
        return None
    several = isinstance(learning_rate, Sequence) and not isinstance(learning_rate, str)
    rates = list(learning_rate) if several else [learning_rate] * count
    if len(rates) != count:
        raise ValueError(
            "`learning_rate` must have one rate for each epoch in `unfreeze_at`. "
            f"Received: {len(rates)} rates for {count} epochs"
        )
    for rate in rates:
        if not isinstance(rate, LearningRateSchedule):
            checks.check_rate("learning_rate", rate)
    return rates


def check_rest(model: Any, groups: list[list[Any]]) -> None:
    """Raises `ValueError` if nothing is left to train in the first stage."""
    frozen = {
        id(variable)
        for group in groups
        for layer in group
        for variable in own_trainable(layer)
    }
    if all(id(variable) in frozen for variable in model.trainable_variables):
        raise ValueError(
            "`layers` must leave some layer to train in the first stage. Received: all "
            f"layers of the model that can be trained, {len(frozen)} variables"
        )


def check_function(model: Any) -> None:
    """Raises `ValueError` if a `MultiOptimizer` does not keep its choice."""
    choose = choice_of_part(model.optimizer)
    if any(choose(v) is not choose(v) for v in model.trainable_variables):
        raise ValueError(
            "FreezeUnfreeze needs a `MultiOptimizer` whose function returns the same "
            "optimizer for a variable each time, for it is asked again at each "
            "unfreezing. Received: one that returns another each time"
        )


def check_model(model: Any, learning_rate: Any, factor: float | None) -> None:
    """Raises an error unless the model can be trained in stages with these rates."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        raise ValueError(
            "FreezeUnfreeze needs a model that is compiled with an optimizer. "
            f"Received: model={model!r}, model.optimizer=None"
        )
    parts = hyperparameters.parts(optimizer)
    if factor is not None and not all(has_number(part) for part in parts):
        raise ValueError(
            "`factor` needs an optimizer whose learning rate is a number; give "
            f"`learning_rate` a schedule. Received: factor={factor}"
        )
    if learning_rate is not None and len(parts) > 1:
        raise ValueError(
            "`learning_rate` must be None for a `MultiOptimizer`, whose optimizers "
            "have rates of their own; `factor` multiplies them. "
            f"Received: learning_rate={learning_rate!r}"
        )
