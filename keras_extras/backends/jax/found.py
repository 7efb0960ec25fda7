from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
from jax.ad_checkpoint import checkpoint_name

from keras_extras.backends.contract import Wanted

_MOST_TENSORS = 4  # of each kind, whose rows are brought back
_KINDS = ("x", "y", "y_pred")
_PREFIX = "keras_extras/"


class Found:
    """Gives names to what one dry run shows, by which it is found in the traced step.

    A name is an operation that does nothing, which derivatives pass by. Tensors that
    live in a loop, a branch or a function within the step have none outside of it,
    and are not found.

    Attributes:
        outputs: For each output its name and the number of its layer.
        gradients: Name of the gradient of each variable, by its number.
        loss: Names of loss and penalty; none if there was no loss.
        rows: Kind, name and type of each tensor whose rows are kept.
        weighted: Whether the loss had sample weights.
        optimizers: The optimizers that were to apply gradients, in this order.
        trained: Numbers of the variables that they were to change.
    """

    def __init__(self, model: Any, wanted: Wanted) -> None:
        self._model = model
        self._wanted = wanted
        self._numbers = {id(v): number for number, v in enumerate(wanted.variables)}
        self._named: list[Any] = []
        self.outputs: list[tuple[str, int]] = []
        self.gradients: dict[int, str] = {}
        self.loss: tuple[str, ...] = ()
        self.rows: list[tuple[str, str, str]] = []
        self.weighted = False
        self.optimizers: tuple[Any, ...] = ()
        self.trained: list[int] = []

    def on_output(self, layer: int, output: Any) -> None:
        for tensor in jax.tree.leaves(output):
            if isinstance(tensor, jax.Array) and is_floating(tensor):
                self.outputs.append((self._name(tensor), layer))

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None:
        if self.loss or not self._wanted.rows or not isinstance(loss, jax.Array):
            return
        penalty = sum(self._model.losses, start=jnp.zeros((), "float32"))
        self.loss = self._name(loss), self._name(penalty)
        self.weighted = arguments.get("sample_weight") is not None
        for kind in _KINDS:
            leaves = jax.tree.leaves(arguments.get(kind))
            usable = [leaf for leaf in leaves if getattr(leaf, "ndim", 0)]
            for tensor in usable[:_MOST_TENSORS]:
                dtype = keras.backend.standardize_dtype(tensor.dtype)
                self.rows.append((kind, self._name(tensor), dtype))

    def on_apply(self, optimizer: Any, gradients: Any, variables: Any) -> None:
        if all(optimizer is not known for known in self.optimizers):
            self.optimizers = (*self.optimizers, optimizer)
        for gradient, variable in zip(gradients, variables):
            number = self._numbers.get(id(variable))
            if number is None:
                continue
            self.trained.append(number)
            if gradient is not None:
                self.gradients[number] = self._name(gradient)

    def leave_out(self, names: set[str]) -> None:
        """Forgets gradients: of variables that the loss does not depend on."""
        known = self.gradients.items()
        self.gradients = {number: name for number, name in known if name not in names}

    def names(self) -> list[str]:
        """Returns all names, in the order of what they stand for."""
        outputs = [name for name, _ in self.outputs]
        rows = [name for _, name, _ in self.rows]
        return [*outputs, *self.gradients.values(), *self.loss, *rows]

    def _name(self, tensor: Any) -> str:
        name = f"{_PREFIX}{len(self._named)}"
        self._named.append(checkpoint_name(tensor, name))  # kept alive while it traces
        return name


def is_floating(array: Any) -> bool:
    """Returns whether an array is of floating-point numbers, bfloat16 included."""
    return jnp.issubdtype(array.dtype, jnp.floating)
