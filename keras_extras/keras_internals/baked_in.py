"""What a function that was compiled for a model holds of it, and may be out of date."""

from __future__ import annotations

import types
import weakref
from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.keras_internals.local_overrides import is_hook

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_DEEPEST = 3  # of containers within containers
_LONGEST = 64  # what is longer, such as a vocabulary, is told by its length
# What each training or prediction sets on a model: nothing that a layer computes with.
_OF_TRAINER = {
    *("train_function", "test_function", "predict_function", "optimizer"),
    *("history", "stop_training", "stop_evaluating", "stop_predicting"),
    "training",  # of `torch.nn.Module`, set by each `fit` and `predict`
    "_jax_state_synced",
}


class BakedIn:
    """The attributes of all layers of a model at one time.

    A function that was traced before is out of date when `compile` was called, and
    when any layer was exchanged, or given another activation, dtype, rate, adapted
    statistic, LoRA, weight or flag. Values of variables may change: compiled functions
    read them. Objects are held weakly, and told apart by identity.

    Args:
        model: A Keras model.
    """

    def __init__(self, model: Any) -> None:
        self._found = list(_attributes(model))

    def is_current(self, model: Any) -> bool:
        """Returns whether all is still as it was."""
        now = list(_attributes(model))
        return len(now) == len(self._found) and all(map(_same, now, self._found))


def _attributes(model: Any) -> Iterator[Any]:
    for layer in sublayers(model):
        yield weakref.ref(layer)
        for name, value in vars(layer).items():
            if name not in _OF_TRAINER and _counts(name, value):
                yield name
                yield from _tokens(value, _DEEPEST)


def _counts(name: str, value: Any) -> bool:
    """Returns whether a layer may compute with an attribute."""
    if is_hook(value):  # of a thread, perhaps another one
        return False
    if not name.startswith("_") or name == "_compile_config":
        return True
    # Keras keeps in others what changes in each call: nodes, losses, iterators.
    return isinstance(value, (*_PLAIN, *_COMPUTED_WITH))


_COMPUTED_WITH = (
    keras.Variable,
    keras.DTypePolicy,
    keras.layers.Layer,
    types.FunctionType,
)


def _tokens(value: Any, deepest: int) -> Iterator[Any]:
    """Yields what tells values apart: plain ones, and references to others."""
    if isinstance(value, _PLAIN):
        yield value
    elif isinstance(value, list | tuple | set | frozenset) and deepest:
        yield len(value)
        for item in value if len(value) <= _LONGEST else ():
            yield from _tokens(item, deepest - 1)
    elif isinstance(value, dict) and deepest:
        yield len(value)
        for key, item in value.items() if len(value) <= _LONGEST else ():
            yield from _tokens(key, deepest - 1)
            yield from _tokens(item, deepest - 1)
    else:
        try:
            yield weakref.ref(value)
        except TypeError:
            yield id(value)


def _same(one: Any, other: Any) -> bool:
    # References to one object are one object; `==` would compare what they refer to.
    if one is other:
        return True
    if isinstance(one, weakref.ref) or isinstance(other, weakref.ref):
        return False
    return type(one) is type(other) and one == other
