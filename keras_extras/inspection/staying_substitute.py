from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from keras_extras.backends.contract import Backend
from keras_extras.inspection.substitute import Run
from keras_extras.inspection.substitute import Substitute
from keras_extras.keras_internals.building import is_ready


class StayingSubstitute(Substitute):
    """Stays in the place of a model's train function, to hear the end of each batch.

    A callback that hears it from Keras has Keras wait for each batch.

    Args:
        model: The model.
        run: Called in place of the function when it is armed.
        ended: Called with what the function has returned, each time.
    """

    def __init__(self, model: Any, run: Run, ended: Callable[[Any], None]) -> None:
        super().__init__(model, run)
        self._ended = ended
        self._armed = False

    def arm(self) -> None:
        self._take_place()
        self._armed = True

    def disarm(self) -> None:
        self._armed = False

    def settle(self) -> None:
        if vars(self._model).get("train_function") is None and self._is_built():
            self._model.make_train_function()  # before `train_on_batch` does
        self._take_place()

    def _is_built(self) -> bool:
        return is_ready(self._model) and self._model.optimizer.built

    def __call__(self, *arguments: Any) -> Any:
        own = self._own
        assert own is not None
        if threading.get_ident() != self._thread:
            return own(*arguments)
        armed, self._armed = self._armed, False
        result = self._run(own, arguments) if armed else own(*arguments)
        self._ended(result)
        return result


def make_substitute(
    backend: Backend, model: Any, run: Run, ended: Callable[[Any], None]
) -> Substitute:
    """Returns the substitute that a backend needs."""
    if backend.runs_ahead:
        return StayingSubstitute(model, run, ended)
    return Substitute(model, run)
