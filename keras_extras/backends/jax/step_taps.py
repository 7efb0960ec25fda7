from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

from keras_extras.keras_internals.overrides import Overrides
from keras_extras.keras_internals.stock import optimizers_within
from keras_extras.keras_internals.stock import trains_with_keras_own_step
from keras_extras.keras_internals.taps import Listener
from keras_extras.keras_internals.taps import Taps

_METRICS = "_update_metrics_variables"


class StepTaps:
    """Listens to layers, loss and optimizers while a step is traced.

    What optimizer and metrics do is left out of Keras' own step: it is a third of the
    trace, and nothing in that step needs its result. In a step of the user's own it is
    traced, for a second optimizer may build on what the first has done.

    Args:
        model: The model.
        layers: The layers to hear of; their numbers are their places here.
    """

    def __init__(self, model: Any, layers: Sequence[Any]) -> None:
        self._model = model
        self._taps = Taps(layers, model)
        self._optimizers = optimizers_within(model)
        self._goes_on = not trains_with_keras_own_step(model)
        self._within = False

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Sends what happens to `listener`, as long as the context lasts."""
        overrides = Overrides()
        with self._taps.installed(), self._taps.heard_by(listener):
            try:
                if not self._goes_on and hasattr(self._model, _METRICS):
                    overrides.set(self._model, _METRICS, _no_metrics)
                for each in self._optimizers:
                    stateless = self._stateless_apply(each, listener)
                    apply = self._apply(each, listener)
                    overrides.set(each, "stateless_apply", stateless)
                    overrides.set(each, "apply", apply)
                yield
            finally:
                overrides.restore()

    def _stateless_apply(
        self, optimizer: Any, listener: Listener
    ) -> Callable[..., Any]:
        original = optimizer.stateless_apply

        def stateless_apply(
            optimizer_variables: Any, grads: Any, trainable_variables: Any
        ) -> Any:
            arguments = optimizer_variables, grads, trainable_variables
            if self._within:  # a part of another optimizer
                return original(*arguments)
            listener.on_apply(optimizer, grads, optimizer._trainable_variables)
            if not self._goes_on:
                return trainable_variables, optimizer_variables
            with self._inside():
                return original(*arguments)

        return stateless_apply

    def _apply(self, optimizer: Any, listener: Listener) -> Callable[..., Any]:
        original = optimizer.apply

        def apply(grads: Any, trainable_variables: Any = None) -> Any:
            if not self._within:
                variables = trainable_variables or optimizer._trainable_variables
                listener.on_apply(optimizer, list(grads), list(variables))
            with self._inside():
                return original(grads, trainable_variables)

        return apply

    @contextmanager
    def _inside(self) -> Iterator[None]:
        within, self._within = self._within, True
        try:
            yield
        finally:
            self._within = within


def _no_metrics(variables: Any, *arguments: Any) -> tuple[dict[str, Any], Any]:
    return {}, variables
