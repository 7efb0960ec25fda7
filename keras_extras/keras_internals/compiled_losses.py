from __future__ import annotations

from typing import Any


def compiled_losses(model: Any) -> list[Any]:
    """Returns the losses that a model was compiled with, one for each output.

    Each has the attributes `loss`, `loss_weights`, `path` and `name`. Keras makes
    them with the first batch.
    """
    compiled = getattr(model, "_compile_loss", None)
    return list(getattr(compiled, "_flat_losses", None) or [])
