from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from keras_extras.backends.steering_contract import PassedIn
from keras_extras.backends.tensorflow import once_per_update
from keras_extras.backends.tensorflow.applied_counts import AppliedCounts


class TensorFlowSteering:
    """Implements `keras_extras.backends.steering_contract.Steering`.

    A variable that is read within a trace is read in each step: a number outside of
    the model needs no more than to be one. So is a proxy that becomes a tensor.
    """

    def once_per_update(
        self, variable: Any, compute: Callable[[], Any]
    ) -> once_per_update.OncePerUpdate:
        return once_per_update.OncePerUpdate(variable, compute)

    def outside_of_a_trace(
        self, variable: Any, function: Callable[[], Any]
    ) -> Any | None:
        return once_per_update.outside_of_a_trace(function)

    def let_act(self, model: Any, optimizer: Any, name: str, overrides: Any) -> None:
        """Does nothing: the proxy becomes a tensor by itself."""

    def new_train_function(self, model: Any, numbers: Sequence[PassedIn]) -> None:
        model.make_train_function(force=True)

    def scope(self, model: Any) -> AbstractContextManager[Any]:
        return model.distribute_strategy.scope()

    def start_data_anew(self, model: Any, callbacks: Any) -> None:
        """Does nothing: to read a dataset does not change what another one yields."""

    def take_back_counts(self, model: Any, callbacks: Any) -> None:
        AppliedCounts.watch(model, callbacks)
