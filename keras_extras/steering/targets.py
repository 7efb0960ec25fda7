"""Says which optimizers of a model a callback drives."""

from __future__ import annotations

from typing import Any

import keras

from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.applied_optimizers import applied_optimizers
from keras_extras.keras_internals.applied_optimizers import named_optimizers


def check_optimizer(optimizer: Any) -> Any:
    """Returns the argument `optimizer` of a callback, if it can be one."""
    several = list(optimizer) if isinstance(optimizer, list | tuple) else [optimizer]
    kinds = str, keras.optimizers.Optimizer
    fits = several and all(isinstance(each, kinds) and each != "" for each in several)
    if optimizer is None or fits:
        return optimizer
    raise ValueError(
        "`optimizer` must be the name of an optimizer of the model, or of the "
        "attribute that holds it, an optimizer, a list of these, or None for those "
        f"that the training step applies. Received: optimizer={optimizer!r}"
    )


def chosen_optimizers(model: Any, chosen: Any) -> list[Any]:
    """Returns the optimizers that are meant by the argument `optimizer`.

    Raises:
        ValueError: If the model has no such optimizer, or none at all.
    """
    if chosen is None:
        found = applied_optimizers(model)
        if not found:
            raise ValueError(
                "Schedules need a model that is compiled with an optimizer. "
                f"Received: model={model!r}, model.optimizer=None"
            )
        return found
    named = named_optimizers(model)
    several = chosen if isinstance(chosen, list | tuple) else [chosen]
    return [_of_name(named, each) for each in several]


def parts_of(optimizers: list[Any]) -> list[Any]:
    """Returns the optimizers that do the work within some."""
    return [part for each in optimizers for part in hyperparameters.parts(each)]


def _of_name(named: dict[str, Any], chosen: Any) -> Any:
    if not isinstance(chosen, str):
        return chosen
    if chosen in named:
        return named[chosen]
    known = ", ".join(sorted(named)) or "none"
    raise ValueError(
        f"`optimizer` must be one that the model holds: {known}. "
        f"Received: optimizer={chosen!r}"
    )
