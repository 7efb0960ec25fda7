from __future__ import annotations

from typing import Any

import keras


class DryScope(keras.StatelessScope):
    """Keeps what a step writes to Keras variables to itself.

    A variable that was not written is read from itself: Keras' own scope answers
    `None` to regularizers, and gives `tape.gradient` copies to look for. Losses that
    layers add are collected here, and the layers' own lists are put back.

    Args:
        layers: All layers of the model, itself included.
    """

    def __init__(self, layers: list[Any]) -> None:
        super().__init__(collect_losses=True)
        self._layers = layers
        self._kept: list[tuple[Any, list[Any], set[int]]] = []

    def get_current_value(self, variable: Any) -> Any:
        value = super().get_current_value(variable)
        return variable._value if value is None else value

    def __enter__(self) -> DryScope:
        self._kept = [(x, x._losses[:], set(x._loss_ids)) for x in self._layers]
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for layer, losses, ids in self._kept:
            layer._losses[:] = losses
            layer._loss_ids.clear()
            layer._loss_ids.update(ids)
