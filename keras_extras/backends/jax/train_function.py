"""Makes a train function that is traced anew, with numbers as arguments of its step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from keras_extras.backends.steering_contract import PassedIn
from keras_extras.keras_internals.overrides import attribute_set


def make_train_function(model: Any, numbers: Sequence[PassedIn]) -> None:
    """Gives a model a train function that is traced anew.

    JAX keeps traces by function, and two bound methods of one object are the same to
    it: as long as the function of before lives, `jit(model.train_step)` would run what
    was traced with the values of before. So the step gets into it as another function.

    A number that is no variable of the model would be a constant of the trace. Keras'
    train function has no argument for it, but its batches may be anything: each one
    takes the numbers with it.
    """
    if not numbers:
        _make(model, functools.partial(model.train_step))
        return
    _make(model, functools.partial(_step_with, model.train_step, tuple(numbers)))
    model.train_function = functools.partial(
        _run_with, model.train_function, tuple(numbers)
    )


def _make(model: Any, step: Callable[..., Any]) -> None:
    with attribute_set(model, "train_step", step):
        model.make_train_function(force=True)


def _step_with(
    step: Callable[..., Any], numbers: tuple[PassedIn, ...], state: Any, data: Any
) -> Any:
    batch, values = data
    with ExitStack() as stack:
        for number, value in zip(numbers, values, strict=True):
            stack.enter_context(number.passed_as(value))
        return step(state, batch)


def _run_with(
    function: Callable[..., Any],
    numbers: tuple[PassedIn, ...],
    state: Any,
    iterator: Any,
) -> Any:
    return function(state, _with_values(iterator, numbers))


def _with_values(iterator: Any, numbers: tuple[PassedIn, ...]) -> Iterator[Any]:
    values = [np.float32(float(number)) for number in numbers]
    for batch in iterator:
        yield batch, values
