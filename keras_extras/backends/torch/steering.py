from __future__ import annotations

import contextlib
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from keras_extras.backends.driven_apply import DrivenApply
from keras_extras.backends.steering_contract import PassedIn
from keras_extras.backends.torch.step_value import StepValue
from keras_extras.keras_internals.building import draw_as_a_new_fit


class TorchSteering:
    """Implements `keras_extras.backends.steering_contract.Steering`."""

    def once_per_update(self, variable: Any, compute: Callable[[], Any]) -> EachTime:
        return EachTime(compute)

    def outside_of_a_trace(
        self, variable: Any, function: Callable[[], Any]
    ) -> Any | None:
        return function()

    def let_act(self, model: Any, optimizer: Any, name: str, overrides: Any) -> None:
        apply = vars(optimizer).get("apply")
        if not isinstance(apply, DrivenApply):
            # Compiled, it would be compiled again for each value.
            wrap = torch.compiler.disable if model.jit_compile else None
            apply = DrivenApply(optimizer, _step_value, wrap)
            overrides.set(optimizer, "apply", apply)
        apply.add(name)

    def new_train_function(self, model: Any, numbers: Sequence[PassedIn]) -> None:
        model.make_train_function(force=True)

    def scope(self, model: Any) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def start_data_anew(self, model: Any, callbacks: Any) -> None:
        draw_as_a_new_fit(model, callbacks)

    def take_back_counts(self, model: Any, callbacks: Any) -> None:
        """Does nothing: the end of the data is met before a step begins."""


def _step_value(proxy: Any) -> StepValue:
    return StepValue(float(proxy), float.__float__(proxy))


class EachTime:
    """Computes a tensor whenever it is asked for, which is once or twice an update.

    Args:
        compute: Function that returns the tensor.
    """

    def __init__(self, compute: Callable[[], Any]) -> None:
        self._compute = compute

    def __call__(self) -> Any:
        return self._compute()

    def forget(self) -> None:
        """Does nothing: there is no trace."""
