"""The contract between steering and a Keras backend.

A hyperparameter that is driven is a function of the number of batches, evaluated within
the training step. What differs by backend is when a step runs: on TensorFlow and JAX it
is traced once and runs without Python, on torch it is Python.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from typing import Protocol


class OncePerUpdate(Protocol):
    """Computes a tensor at most once for each update of an optimizer in a trace."""

    def __call__(self) -> Any:
        """Returns the tensor."""

    def forget(self) -> None:
        """Lets go of the last trace."""


class PassedIn(Protocol):
    """A number outside of the model that the step has as an argument."""

    def __float__(self) -> float:
        """Returns its present value."""

    def passed_as(self, argument: Any) -> AbstractContextManager[None]:
        """Lets `argument` stand for the number within a trace."""


class Steering(Protocol):
    """What the control of hyperparameters asks of a Keras backend."""

    def once_per_update(
        self, variable: Any, compute: Callable[[], Any]
    ) -> OncePerUpdate:
        """Returns what computes a tensor once for each update that is traced.

        Args:
            variable: The variable that each update assigns: the count of batches.
            compute: Function that returns the tensor.
        """

    def outside_of_a_trace(
        self, variable: Any, function: Callable[[], Any]
    ) -> Any | None:
        """Returns `function()`, or `None` where it would be part of a trace.

        Args:
            variable: What the function reads; it may have no value just now.
            function: Returns a tensor.
        """

    def let_act(self, model: Any, optimizer: Any, name: str, overrides: Any) -> None:
        """Sees to it that a number which a proxy stands for acts on each update.

        Args:
            model: The model that the optimizer trains.
            optimizer: The optimizer, in which the proxy is in place already.
            name: The attribute of the optimizer.
            overrides: Where to set attributes that are put back at the end.
        """

    def new_train_function(self, model: Any, numbers: Sequence[PassedIn]) -> None:
        """Gives a model a train function that is traced anew.

        Args:
            model: The model, compiled, while its variables hold values.
            numbers: What acts on a step without being a variable of the model.
        """

    def scope(self, model: Any) -> AbstractContextManager[Any]:
        """Returns the context in which variables of the model are made."""

    def start_data_anew(self, model: Any, callbacks: Any) -> None:
        """Draws from the random generators what a `fit` after `compile` draws.

        Args:
            model: The model.
            callbacks: The `CallbackList` of its `fit`, between two epochs.
        """

    def take_back_counts(self, model: Any, callbacks: Any) -> None:
        """Lets optimizers count no step that was never trained, for one `fit`.

        Args:
            model: The model.
            callbacks: The `CallbackList` of its `fit`, which begins.
        """
