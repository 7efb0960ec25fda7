from __future__ import annotations

import contextlib
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax

from keras_extras.backends.driven_apply import DrivenApply
from keras_extras.backends.jax.once_per_update import OncePerUpdate
from keras_extras.backends.jax.step_array import StepArray
from keras_extras.backends.jax.train_function import make_train_function
from keras_extras.backends.steering_contract import PassedIn
from keras_extras.keras_internals.building import draw_as_a_new_fit


class JaxSteering:
    """Implements `keras_extras.backends.steering_contract.Steering`."""

    def once_per_update(
        self, variable: Any, compute: Callable[[], Any]
    ) -> OncePerUpdate:
        return OncePerUpdate(variable, compute)

    def outside_of_a_trace(
        self, variable: Any, function: Callable[[], Any]
    ) -> Any | None:
        if variable._value is None:  # in a step, for all but who asks for the model
            return None
        value = function()
        return None if isinstance(value, jax.core.Tracer) else value

    def let_act(self, model: Any, optimizer: Any, name: str, overrides: Any) -> None:
        apply = vars(optimizer).get("apply")
        if not isinstance(apply, DrivenApply):
            apply = DrivenApply(optimizer, _step_array)
            overrides.set(optimizer, "apply", apply)
        apply.add(name)

    def new_train_function(self, model: Any, numbers: Sequence[PassedIn]) -> None:
        make_train_function(model, numbers)

    def scope(self, model: Any) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def start_data_anew(self, model: Any, callbacks: Any) -> None:
        draw_as_a_new_fit(model, callbacks)

    def take_back_counts(self, model: Any, callbacks: Any) -> None:
        """Does nothing: the end of the data is met before a step begins."""


def _step_array(proxy: Any) -> Any:
    effective = getattr(proxy, "effective", None)
    if effective is None:  # the user has set a number meanwhile
        return proxy
    return StepArray(effective.tensor(), float.__float__(proxy))
