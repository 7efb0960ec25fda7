from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Run = Callable[[Callable[..., Any], tuple[Any, ...]], Any]


class Substitute:
    """Takes the place of a model's train function for one call.

    A thread other than the one that put it there trains the same model with the
    model's own function, and leaves this one in its place.

    Args:
        model: The model.
        run: Called in its place, with the model's own function and its arguments.
    """

    def __init__(self, model: Any, run: Run) -> None:
        self._model = model
        self._run = run
        self._thread = threading.get_ident()
        self._own: Callable[..., Any] | None = None

    @property
    def own(self) -> Callable[..., Any]:
        """The model's own function."""
        found: Any = vars(self._model)["train_function"]
        while isinstance(found, Substitute):
            found = found._own
        return found

    def arm(self) -> None:
        """Has the next call run in another way."""
        self._take_place()

    def disarm(self) -> None:
        """Lets the next call be an ordinary one."""
        self.remove()

    def settle(self) -> None:
        """Takes the place for good, if that is its way."""

    def remove(self) -> None:
        """Gives the train function its place back, unless that has happened."""
        if vars(self._model).get("train_function") is self:
            vars(self._model)["train_function"] = self._own

    def _take_place(self) -> None:
        """Takes the place of the train function, or of another thread's substitute."""
        own = vars(self._model).get("train_function")
        if own is self:
            return
        self._own = own._own if isinstance(own, Substitute) else own
        if self._own is not None:
            # Past `__setattr__`, which would track it in the model.
            vars(self._model)["train_function"] = self

    def __call__(self, *arguments: Any) -> Any:
        own = self._own
        assert own is not None
        if threading.get_ident() != self._thread:
            return own(*arguments)
        self.disarm()
        return self._run(own, arguments)
