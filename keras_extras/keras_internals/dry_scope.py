from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import keras


class DryScope(keras.StatelessScope):
    """Keeps what a step writes to Keras variables to itself.

    A variable that was not written is read from itself: Keras' own scope answers
    `None` to regularizers, and gives `tape.gradient` copies to look for. Losses that
    layers add are collected here.

    It enters and exits as Keras' own does: a scope that is not left is the end of the
    training.
    """

    def __init__(self) -> None:
        super().__init__(collect_losses=True)

    def get_current_value(self, variable: Any) -> Any:
        value = super().get_current_value(variable)
        return variable._value if value is None else value


@contextmanager
def losses_kept(layers: Sequence[Any]) -> Iterator[None]:
    """Puts back the losses that layers hold; a scope does not keep all of them."""
    kept = [(layer, layer._losses[:], set(layer._loss_ids)) for layer in layers]
    try:
        yield
    finally:
        for layer, losses, ids in kept:
            layer._losses[:] = losses
            layer._loss_ids.clear()
            layer._loss_ids.update(ids)
