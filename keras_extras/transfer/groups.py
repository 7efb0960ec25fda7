"""Groups the layers that are frozen at first by when they come back."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras.keras_internals.layer_tree import inner_layers
from keras_extras.keras_internals.layer_tree import matching_layers
from keras_extras.keras_internals.layer_tree import own_trainable
from keras_extras.keras_internals.layer_tree import units_of
from keras_extras.keras_internals.layer_tree import weighted_layers

Unfreezing = int | Sequence[int] | Mapping[int, Any]


def epochs_of(unfreeze_at: Unfreezing) -> list[int]:
    """Returns the epochs before which layers are unfrozen, in their order."""
    if isinstance(unfreeze_at, int):
        return [unfreeze_at]
    return sorted(unfreeze_at)


def frozen_groups(model: Any, layers: Any, unfreeze_at: Unfreezing) -> list[list[Any]]:
    """Returns the layers that are unfrozen at each of the epochs.

    A last group holds what is never unfrozen. All hold layers that have weights.

    Args:
        model: A built Keras model.
        layers: What is frozen at first, see `matching_layers`; or `None`.
        unfreeze_at: The epochs, or a dict from each epoch to layers.
    """
    if layers is None:
        frozen = _all_but_the_last(model)
    else:
        frozen = matching_layers(model, layers, "layers")
    if isinstance(unfreeze_at, Mapping):
        return _groups_by_choice(model, frozen, unfreeze_at)
    blocks = blocks_of(model, frozen)
    return [*_split(blocks, len(epochs_of(unfreeze_at))), []]


def _all_but_the_last(model: Any) -> list[Any]:
    tops = [layer for layer in inner_layers(model) if layer.variables]
    trains = [any(own_trainable(x) for x in weighted_layers(t)) for t in tops]
    last = max((i for i, trained in enumerate(trains) if trained), default=0)
    found = [layer for top in tops[:last] for layer in weighted_layers(top)]
    if not found:
        raise ValueError(
            "`layers` must be given for a model that is one layer only, with weights. "
            f"Received: layers=None, model={model!r}"
        )
    head = {id(layer) for layer in weighted_layers(tops[last])}
    return [layer for layer in found if id(layer) not in head]


def _groups_by_choice(
    model: Any, frozen: list[Any], choices: Mapping[int, Any]
) -> list[list[Any]]:
    left = {id(layer) for layer in frozen}
    groups = []
    for epoch in sorted(choices):
        chosen = matching_layers(model, choices[epoch], "unfreeze_at")
        group = [layer for layer in chosen if id(layer) in left]
        if not group:
            raise ValueError(
                "`unfreeze_at` must name layers that are frozen until then. "
                f"Received: {choices[epoch]!r} at epoch {epoch}"
            )
        left -= {id(layer) for layer in group}
        groups.append(group)
    return [*groups, [layer for layer in frozen if id(layer) in left]]


def _split(blocks: list[list[Any]], count: int) -> list[list[Any]]:
    """Joins blocks to groups of like length, from the last ones to the first."""
    if len(blocks) < count:
        raise ValueError(
            f"`unfreeze_at` must hold at most one epoch for each of the {len(blocks)} "
            f"layers that are frozen. Received: {count} epochs"
        )
    parts = np.array_split(np.arange(len(blocks)), count)
    return [[x for i in part for x in blocks[i]] for part in reversed(parts)]


def blocks_of(model: Any, layers: list[Any]) -> list[list[Any]]:
    """Returns `layers` in groups that belong together, in model order.

    Normalisation belongs to what it normalises, and what is within a layer, such as
    the cell of a recurrent one, to that layer.
    """
    wanted = {id(layer) for layer in layers}
    blocks: list[list[Any]] = []
    for unit in units_of(model):
        is_model = isinstance(unit, keras.Model)
        within = [unit] if is_model else weighted_layers(unit)
        chosen = [layer for layer in within if id(layer) in wanted]
        wanted -= {id(layer) for layer in chosen}
        if blocks and _is_normalization(unit):
            blocks[-1] += chosen
        elif chosen:
            blocks.append(chosen)
    return blocks


def _is_normalization(layer: Any) -> bool:
    kinds = keras.layers.BatchNormalization | keras.layers.LayerNormalization
    return isinstance(layer, kinds | keras.layers.GroupNormalization)
