"""The variables that train only later in the `fit` that runs now."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

_held: weakref.WeakKeyDictionary[Any, frozenset[int]] = weakref.WeakKeyDictionary()


def freeze_for_now(model: Any, variables: Iterable[Any]) -> None:
    """Notes what of a model is frozen for now; what was noted before is forgotten."""
    _held[model] = frozenset(id(variable) for variable in variables)


def forget_frozen(model: Any) -> None:
    """Forgets what of a model is frozen for now: its `fit` has ended."""
    _held.pop(model, None)


def trained_variables(layer: Any) -> list[Any]:
    """Returns the variables of a layer that train, now or later in this `fit`."""
    own = list(layer.trainable_variables)
    held = frozenset[int]().union(*_held.values())
    if not held:
        return own
    known = {id(variable) for variable in own} | held
    return [variable for variable in layer.variables if id(variable) in known]
