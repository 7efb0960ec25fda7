"""Lets an optimizer that exists follow the variables that train.

Keras builds an optimizer once, for the variables that train then. A new optimizer
would do for another set, but callbacks, schedules and the user hold the old one.
"""

from __future__ import annotations

from typing import Any

import keras

from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.layer_tree import unique
from keras_extras.keras_internals.rates import own_rate

_NO_SLOTS = ("_variables", "_trainable_variables", "_inner_optimizers")

_NOT_IN_CONFIG = ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern")


def keep_settings(optimizer: Any, copy: Any) -> None:
    """Gives a copy of an optimizer the settings that no configuration holds."""
    for attribute in _NOT_IN_CONFIG:
        if attribute in vars(optimizer):
            setattr(copy, attribute, vars(optimizer)[attribute])


def follow(optimizer: Any, variables: list[Any], keep: bool) -> None:
    """Makes the variables of `optimizer` those that a new one has for `variables`.

    Args:
        optimizer: A Keras optimizer, built or not, those around others included.
        variables: The variables that train from now on.
        keep: Whether what it has gathered about variables it knew is kept, and its
            count of steps. Otherwise it starts anew, with the rate that it has.
    """
    if keep and _is_built_for(optimizer, variables):
        return
    every = _all_within(optimizer)
    before = [_Memory(each) for each in every]
    for each in every:
        _forget_variables(each)
    optimizer.build(variables)
    if keep:
        for memory in before:
            memory.restore(variables)
        _count_alike(optimizer)
    else:
        for each in every:
            each._iterations.assign(0)


def _all_within(optimizer: Any) -> list[Any]:
    inner = hyperparameters.innermost(optimizer)
    return unique([optimizer, inner, *hyperparameters.parts(optimizer)])


def _is_built_for(optimizer: Any, variables: list[Any]) -> bool:
    inner = hyperparameters.innermost(optimizer)
    if not (optimizer.built and inner.built):
        return False
    known = inner._trainable_variables_indices
    return list(known) == [inner._var_key(variable) for variable in variables]


class _Memory:
    """Holds what an optimizer has gathered about each variable, and in numbers."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._places = dict(optimizer._trainable_variables_indices)
        attributes = vars(optimizer).items()
        self._slots = {
            name: list(v) for name, v in attributes if self._is_slot(name, v)
        }
        own = (id(optimizer._iterations), id(own_rate(optimizer)))
        self._numbers = {
            name: value
            for name, value in attributes
            if isinstance(value, keras.Variable) and id(value) not in own
        }

    def _is_slot(self, name: str, value: Any) -> bool:
        is_list = isinstance(value, list) and len(value) == len(self._places)
        return is_list and name not in _NO_SLOTS and _has_variables(value)

    def restore(self, variables: list[Any]) -> None:
        optimizer = self._optimizer
        if not optimizer.built:
            return
        for name, old in self._slots.items():
            for key, place in self._places.items():
                now = optimizer._trainable_variables_indices.get(key)
                if now is not None and old[place] is not None:
                    getattr(optimizer, name)[now].assign(old[place])
        for name, value in self._numbers.items():
            getattr(optimizer, name).assign(value)
        if optimizer.use_ema and self._places:
            self._start_averages(variables)

    def _start_averages(self, variables: list[Any]) -> None:
        """An average starts at the value: only in its first step Keras sees to that."""
        averages = self._optimizer._model_variables_moving_average
        indices = self._optimizer._trainable_variables_indices
        for variable in variables:
            key = self._optimizer._var_key(variable)
            if key in indices and key not in self._places:
                # JAX would share the memory, and a step would donate it twice.
                averages[indices[key]].assign(keras.ops.copy(variable))


def _has_variables(values: list[Any]) -> bool:
    return any(isinstance(value, keras.Variable) for value in values)


def _forget_variables(optimizer: Any) -> None:
    """Makes an optimizer one that is not built yet."""
    kept = (id(optimizer._iterations), id(own_rate(optimizer)))
    for variable in list(optimizer._variables):
        if id(variable) not in kept:
            optimizer._untrack_variable(variable)
    optimizer._trainable_variables_indices.clear()
    optimizer.built = False


def _count_alike(optimizer: Any) -> None:
    """Lets the parts of a `MultiOptimizer` that were idle count as the others do."""
    parts = hyperparameters.parts(optimizer)
    most = max(int(hyperparameters.number(part._iterations)) for part in parts)
    for part in parts:
        part._iterations.assign(most)
