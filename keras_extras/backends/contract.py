"""The contract between the inspection and a Keras backend.

One sampled step takes this path, on every backend::

    state, data = backend.split(arguments)
    (batch,) = hand_over.fetch(data, 1)
    values = dry_run(state, batch)     # writes nothing; the weights before are in it
    result = own(*backend.join(state, hand_over.give(batch)))  # with its own trace
    logs, state = backend.outcome(result)
    with backend.values(model, state):
        after = read_weights()

The user's own train function is neither traced again nor hooked. Whatever a backend
returns are NumPy arrays, with the same fields in the same order on all backends.

The state is what a train function takes and returns beside the data: on JAX the
values of all variables, which hold nothing themselves in the middle of an epoch. Where
they do, it is `None`, and `VariablesHoldState` answers all that concerns it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from typing import NamedTuple
from typing import NoReturn
from typing import Protocol

import numpy as np


class Stack(NamedTuple):
    """Tensors of one shape, laid on top of each other to be reduced at once.

    Attributes:
        members: For each row of `values`, the number of its tensor.
        values: Array of shape `(members, elements)`, or `(members, rows, units)`
            for what layers return.
    """

    members: tuple[int, ...]
    values: np.ndarray


class BatchValues(NamedTuple):
    """What the loss of a batch was computed from.

    Attributes:
        loss: The loss of the batch, penalties included.
        penalty: The part that regularisers and `add_loss` add.
        weighted: Whether some rows count more than others.
        rows: Number of rows of the whole batch.
        tensors: For `"x"`, `"y"` and `"y_pred"` the first rows of each tensor, with
            the shape of one row as the model declares it, and the type's name.
    """

    loss: float
    penalty: float
    weighted: bool
    rows: int
    tensors: dict[str, list[tuple[np.ndarray, tuple[int | None, ...], str]]]


@dataclass(frozen=True)
class ReplicaValues:
    """What one replica computed in a dry run.

    Attributes:
        calls: For each output, the number of the layer that returned it, in the
            order in which the calls returned.
        outputs: The outputs; members are numbers of `calls`.
        gradients: The gradients, as the optimizer would get them; members are
            numbers of the variables that were asked for.
        weights: The variables that were asked for, before the step.
        trained: Numbers of the variables that the optimizer is to change.
        batch: What the loss was computed from, or `None`.
        inputs_are_finite: Function that tells whether the inputs of the model are.
    """

    calls: tuple[int, ...] = ()
    outputs: tuple[Stack, ...] = ()
    gradients: tuple[Stack, ...] = ()
    weights: tuple[Stack, ...] = ()
    trained: tuple[int, ...] = ()
    batch: BatchValues | None = None
    inputs_are_finite: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Wanted:
    """What a dry run is to bring back.

    Attributes:
        layers: The layers whose outputs are wanted.
        variables: The variables whose gradients are wanted; none, no backward pass.
        weights: The variables whose values are wanted.
        rows: Number of rows of the batch to bring back, 0 for none.
        dense: Whether sparse gradients are wanted as a whole; else each of their rows
            once, without the rows that are all zero.
    """

    layers: tuple[Any, ...] = ()
    variables: tuple[Any, ...] = ()
    weights: tuple[Any, ...] = ()
    rows: int = 0
    dense: bool = False


class CannotInspectError(Exception):
    """Says which operation or call of a model forbids to inspect its step."""


class DryRun(Protocol):
    """One inspection of a model: its training step, run without a write."""

    @property
    def optimizers(self) -> tuple[Any, ...]:
        """The optimizers that the step applies, known after the first run."""

    def is_dear(self, batch: Any) -> bool:
        """Returns whether a batch of this shape would be compiled for on its own."""

    def __call__(self, state: Any, batch: Any) -> tuple[ReplicaValues, ...]:
        """Runs the step dry on `batch` and returns what each replica computed.

        Raises:
            CannotInspectError: If the step cannot be run without a change.
        """


class HandOver(Protocol):
    """Takes batches out of what Keras hands a train function, and gives them back.

    Attributes:
        error: What the user's data raised instead of a batch, or `None`.
    """

    error: Exception | None

    def fits(self, data: Any) -> bool:
        """Returns whether `data` yields what this hand-over was made for."""

    def fetch(self, data: tuple[Any, ...], limit: int) -> list[Any] | None:
        """Returns at most `limit` batches; `None` if the data has ended already."""

    def give(self, *batches: Any) -> tuple[Any, ...]:
        """Returns data with which the user's function trains on `batches`."""

    def give_in_another_way(self, *batches: Any) -> tuple[Any, ...]:
        """Does what `give` does, should that fail; it may take longer."""

    def raise_error(self, own: Callable[..., Any]) -> NoReturn:
        """Raises `error`, after the user's function has met one at the same place."""


class Snapshot(Protocol):
    """The values of all variables of a training, to go back to."""

    def is_finite(self) -> bool:
        """Returns whether all floating-point values are finite."""

    def restore(self) -> None:
        """Gives every variable its value back."""


class BatchRing(Protocol):
    """The last batches that a `fit` has read.

    Attributes:
        capacity: Integer, how many there is room for.
    """

    capacity: int

    def batches(self) -> list[Any]:
        """Returns the batches, the oldest one first."""

    def detach(self) -> None:
        """Keeps no more batches of iterators that are made from here."""


class Backend(Protocol):
    """What the inspection asks of a Keras backend.

    `data` are the arguments that Keras hands a train function, without the state.

    Attributes:
        runs_ahead: Whether Python is ahead of the steps, unless a callback wants to
            hear the end of each batch. Then ours do not.
        compiles: Whether a dry run is compiled at once, so that one that brings back
            more may be better than one more.
    """

    runs_ahead: bool
    compiles: bool

    def split(self, arguments: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """Returns the state in a train function's arguments, and the others."""

    def join(self, state: Any, data: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the arguments of a train function that have these two parts."""

    def outcome(self, result: Any) -> tuple[Any, Any]:
        """Returns the logs and the state in what a train function returned."""

    def is_ready(self, value: Any) -> bool:
        """Returns whether a value in the logs can be read without a wait."""

    def state_now(self, model: Any) -> Any:
        """Returns the state as it is now, between two executions."""

    def values(self, model: Any, state: Any) -> AbstractContextManager[None]:
        """Lets the variables have the values of a state; `None` is the present one."""

    def wait(self, state: Any) -> None:
        """Waits until all that leads to a state has run."""

    def dry_run(self, model: Any, wanted: Wanted, data: tuple[Any, ...]) -> DryRun:
        """Returns a dry run for the batches of `data`."""

    def hand_over(self, model: Any, data: tuple[Any, ...]) -> HandOver:
        """Returns the hand-over of batches for one `fit`."""

    def weight_reader(
        self, variables: Sequence[Any]
    ) -> Callable[[], tuple[Stack, ...]]:
        """Returns a function that reads the variables as they are now."""

    def function(self, function: Callable[..., Any]) -> Callable[..., np.ndarray]:
        """Returns `function`, of scalars to a vector, compiled when it pays."""

    def number(self, variable: Any) -> float:
        """Returns the value of a scalar variable in the fastest way, NaN if it is lost.

        That of JAX is, when the first batch of a `fit` fails.
        """

    def build(self, model: Any, data: tuple[Any, ...]) -> None:
        """Builds a model that trains with Keras' own step, before its first batch."""

    def replicas(self, model: Any) -> int:
        """Returns the number of replicas that train `model`."""

    def snapshot(self, model: Any) -> Snapshot:
        """Returns the values of all variables of a training as they are now."""

    def batch_ring(self, epoch_iterator: Any) -> BatchRing | None:
        """Returns what keeps the last batches of a `fit`; `None` if that cannot be."""
