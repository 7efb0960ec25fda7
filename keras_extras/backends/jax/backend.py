from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from keras_extras.backends import processes
from keras_extras.backends import stacks
from keras_extras.backends.contract import Stack
from keras_extras.backends.contract import Wanted
from keras_extras.backends.jax.arrays import to_numpy
from keras_extras.backends.jax.batch_ring import BatchRing
from keras_extras.backends.jax.compiled_function import CompiledFunction
from keras_extras.backends.jax.dry_run import JaxDryRun
from keras_extras.backends.jax.state import Values
from keras_extras.backends.jax.state import present_state
from keras_extras.backends.jax.state import state_of_variables
from keras_extras.backends.jax.state import value_of
from keras_extras.backends.jax.state import values_by_variable
from keras_extras.backends.jax.variables import VariablesKept
from keras_extras.backends.plain_hand_over import PlainHandOver


class JaxBackend:
    """Implements `keras_extras.backends.contract.Backend`.

    A train function takes a state, the values of all variables, and an iterator over
    batches; it returns logs and the next state. Steps run while Python is ahead.
    """

    runs_ahead = True
    compiles = True

    def split(self, arguments: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        state, *data = arguments
        return state, tuple(data)

    def join(self, state: Any, data: tuple[Any, ...]) -> tuple[Any, ...]:
        return (state, *data)

    def outcome(self, result: Any) -> tuple[Any, Any]:
        logs, state = result
        return logs, state

    def is_ready(self, value: Any) -> bool:
        # Which of several processes is ahead is no matter of the training.
        alone = processes.count() == 1
        return not isinstance(value, jax.Array) or (alone and value.is_ready())

    def state_now(self, model: Any) -> Any:
        return state_of_variables(model)

    @contextmanager
    def values(self, model: Any, state: Any) -> Iterator[None]:
        state = present_state(model) if state is None else state
        with Values({} if state is None else values_by_variable(model, state)):
            yield

    def wait(self, state: Any) -> None:
        jax.block_until_ready(state)

    def dry_run(self, model: Any, wanted: Wanted, data: tuple[Any, ...]) -> JaxDryRun:
        return JaxDryRun(model, wanted)

    def hand_over(self, model: Any, data: tuple[Any, ...]) -> PlainHandOver:
        return PlainHandOver()

    def weight_reader(
        self, variables: Sequence[Any]
    ) -> Callable[[], tuple[Stack, ...]]:
        def read() -> tuple[Stack, ...]:
            values = [(n, value_of(v)) for n, v in enumerate(variables)]
            known = [(n, to_numpy(value)) for n, value in values if value is not None]
            return stacks.stack_flat(known)

        return read

    def function(self, function: Callable[..., Any]) -> Callable[..., np.ndarray]:
        return CompiledFunction(function)

    def number(self, variable: Any) -> float:
        value = value_of(variable)
        return math.nan if value is None else float(to_numpy(value))

    def build(self, model: Any, data: tuple[Any, ...]) -> None:
        """Does nothing: Keras builds a model before it tells any callback."""

    def snapshot(self, model: Any) -> VariablesKept:
        return VariablesKept(model)

    def batch_ring(self, epoch_iterator: Any) -> BatchRing | None:
        try:
            return BatchRing(epoch_iterator)
        except AttributeError:  # not Keras' own
            return None

    def replicas(self, model: Any) -> int:
        """Returns 1: all devices work on one step together."""
        return 1
