from __future__ import annotations

from typing import Any

import keras


def compiled_losses(model: Any) -> list[Any]:
    """Returns the losses that a model was compiled with, one for each output.

    Each has the attributes `loss`, `loss_weights`, `path` and `name`. Keras makes
    them with the first batch.
    """
    compiled = getattr(model, "_compile_loss", None)
    return list(getattr(compiled, "_flat_losses", None) or [])


def compares_with_targets(model: Any) -> bool:
    """Returns whether a model evaluates with a loss of targets, as Keras does."""
    own = type(model)
    as_keras = (
        own.compute_loss is keras.Model.compute_loss
        and own.test_step is keras.Model.test_step
    )
    return as_keras and getattr(model, "_compile_loss", None) is not None
