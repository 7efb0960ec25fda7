from __future__ import annotations

import weakref
from typing import Any

import keras

from keras_extras.keras_internals.layer_tree import own_trainable
from keras_extras.keras_internals.layer_tree import own_weights
from keras_extras.keras_internals.layer_tree import paths_of_layers
from keras_extras.keras_internals.layer_tree import weighted_layers
from keras_extras.keras_internals.trainable_flags import set_own_flag
from keras_extras.keras_internals.trainable_flags import set_own_flags

# What was frozen here and not unfrozen yet: nobody has frozen it on purpose.
_frozen: weakref.WeakKeyDictionary[Any, list[bool]] = weakref.WeakKeyDictionary()


class Stages:
    """Freezes the layers of a model and unfreezes them group by group.

    In stage 0 all groups are frozen, in stage 1 all but the first, and so on; what
    the last group holds stays frozen. Only flags are set: `layer.trainable`, and that
    of each variable, as Keras' own setter does, but for what was frozen before.

    Args:
        model: A built Keras model.
        groups: Lists of layers, see `frozen_groups`.
        stage: Integer, the stage in which the model may be already, from a file or
            from an earlier `fit`.
        keeps_normalization: Whether layers of batch normalisation stay frozen.
    """

    def __init__(
        self,
        model: Any,
        groups: list[list[Any]],
        stage: int = 0,
        keeps_normalization: bool = False,
    ) -> None:
        self._model = model
        self._groups = groups
        self._keeps_normalization = keeps_normalization
        chosen = [layer for group in groups for layer in group]
        by_hand = not any(layer.trainable for layer in chosen)
        self._flags: dict[int, list[bool]] = {}
        for number, group in enumerate(groups):
            later = number >= stage > 0 and not any(x.trainable for x in group)
            for layer in group:
                self._flags[id(layer)] = _flags_of(layer, by_hand or later)
        self._around = _layers_around(model, chosen)
        self.stage = -1

    @property
    def last(self) -> int:
        """The number of the last stage."""
        return len(self._groups) - 1

    def group(self, stage: int) -> list[Any]:
        """Returns the layers that come back when `stage` begins."""
        group = self._groups[stage - 1]
        return [layer for layer in group if self._comes_back(layer)]

    def enter(self, stage: int) -> None:
        """Sets the flags of all layers to what they are in `stage`."""
        for number, group in enumerate(self._groups):
            for layer in group:
                if number < stage and self._comes_back(layer):
                    set_own_flags(layer, self._flags[id(layer)])
                    _frozen.pop(layer, None)
                else:
                    flags = _frozen[layer] = self._flags[id(layer)]
                    set_own_flags(layer, [False] * len(flags))
        for layer in self._around:
            set_own_flag(layer, any(x.trainable for x in weighted_layers(layer)))
        self.stage = stage

    def frozen_for_now(self) -> list[Any]:
        """Returns the variables that are frozen now and train later."""
        groups = self._groups[self.stage : self.last]
        return [
            variable
            for layer in (layer for group in groups for layer in group)
            if self._comes_back(layer)
            for variable, flag in zip(
                own_trainable(layer), self._flags[id(layer)][1:], strict=True
            )
            if flag
        ]

    def _comes_back(self, layer: Any) -> bool:
        is_normalization = isinstance(layer, keras.layers.BatchNormalization)
        return self._flags[id(layer)][0] and not (
            self._keeps_normalization and is_normalization
        )


def _flags_of(layer: Any, frozen_for_now: bool) -> list[bool]:
    """Returns the flags of a layer that is not frozen: its own, then its variables'."""
    own = own_trainable(layer)
    if layer.trainable:
        return [True, *(bool(variable.trainable) for variable in own)]
    if layer in _frozen:
        return _frozen[layer]
    return [frozen_for_now] * (1 + len(own))


def _layers_around(model: Any, chosen: list[Any]) -> list[Any]:
    """Returns the layers that consist of chosen layers and of nothing else."""
    known = {id(layer) for layer in chosen}
    return [
        layer
        for _, layer in paths_of_layers(model)
        if not own_weights(layer)
        and weighted_layers(layer)
        and all(id(each) in known for each in weighted_layers(layer))
    ]
