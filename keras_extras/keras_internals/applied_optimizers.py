"""Finds the optimizers that a model's own training step applies.

A GAN holds two beside the one that it was compiled with, which stays idle. Which are
applied is read from the code of `train_step`, and of what it calls: to run it before
the training would change the model.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from types import CodeType
from typing import Any

import keras

from keras_extras.keras_internals.layer_tree import unique


def applied_optimizers(model: Any) -> list[Any]:
    """Returns the optimizers that `train_step` of a model names.

    Args:
        model: Compiled model.

    Returns:
        The optimizer that the model was compiled with, if it has no step of its own, or
        if its step names none.
    """
    compiled = [] if model.optimizer is None else [model.optimizer]
    if has_plain_step(model):
        return compiled
    return unique(list(_Search(model).run())) or compiled


def named_optimizers(model: Any) -> dict[str, Any]:
    """Returns the optimizers that a model holds, by attribute and by their own name."""
    named: dict[str, Any] = {}
    for attribute, value in vars(model).items():
        if not attribute.startswith("_"):
            for optimizer in _within(value):
                named.setdefault(optimizer.name, optimizer)
            if isinstance(value, keras.optimizers.Optimizer):
                named[attribute] = value
    if model.optimizer is not None:
        named["optimizer"] = model.optimizer
        named.setdefault(model.optimizer.name, model.optimizer)
    return named


def has_plain_step(model: Any) -> bool:
    """Returns whether a model trains with the step of Keras."""
    return _is_of_keras(model.train_step)


class _Search:
    """Follows the code of a training step to the optimizers that it names."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._seen: set[int] = set()

    def run(self) -> Iterator[Any]:
        yield from self._visit(self._model.train_step)

    def _visit(self, function: Any) -> Iterator[Any]:
        function = _plain(function)
        code = getattr(function, "__code__", None)
        if code is None or id(code) in self._seen:
            return
        self._seen.add(id(code))
        names = list(_names(code))
        for name in names:
            yield from self._attribute(name)
        for name in _global_names(code):
            yield from self._value(function.__globals__.get(name))
        for cell in function.__closure__ or ():
            try:
                yield from self._value(cell.cell_contents)
            except ValueError:  # a cell that is empty still
                continue
        if "super" in names and "train_step" in names:
            yield from self._steps_above(function)

    def _attribute(self, name: str) -> Iterator[Any]:
        model = self._model
        if name == "optimizer" and model.optimizer is not None:
            yield model.optimizer
        yield from _within(vars(model).get(name))
        yield from self._function(getattr(type(model), name, None))

    def _value(self, value: Any) -> Iterator[Any]:
        yield from _within(value)
        yield from self._function(value)

    def _function(self, value: Any) -> Iterator[Any]:
        if inspect.isfunction(value) and not _is_of_a_library(value):
            yield from self._visit(value)

    def _steps_above(self, function: Any) -> Iterator[Any]:
        for base in type(self._model).__mro__:
            step = vars(base).get("train_step")
            if step is None or step is function:
                continue
            if _is_of_keras(step):
                yield from self._attribute("optimizer")
                return
            yield from self._visit(step)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _plain(function: Any) -> Any:
    """Returns what was written, of a method or of a function that is compiled."""
    function = getattr(function, "__func__", function)
    return inspect.unwrap(getattr(function, "python_function", function))


def _within(value: Any) -> Iterator[Any]:
    if isinstance(value, keras.optimizers.Optimizer):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _within(each)


def _is_of_keras(function: Any) -> bool:
    module = getattr(_plain(function), "__module__", None) or ""
    return str(module).partition(".")[0] == "keras"


def _is_of_a_library(function: Any) -> bool:
    module = str(getattr(function, "__module__", "")).partition(".")[0]
    return module in ("keras", "tensorflow", "jax", "torch", "numpy", "keras_extras")
