from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import torch

from keras_extras.backends.contract import BatchValues
from keras_extras.backends.contract import ReplicaValues
from keras_extras.backends.contract import Stack
from keras_extras.backends.contract import Wanted
from keras_extras.backends.torch import packing

_MOST_TENSORS = 4  # of each kind, whose rows are brought back
_KINDS = ("x", "y", "y_pred")


class Found:
    """Collects what one dry run shows.

    Args:
        model: The model.
        wanted: What to bring back.
        copies: Whether to copy what is found, as the step may write to it afterwards.

    Attributes:
        optimizers: The optimizers that were to apply gradients, in this order.
        has_updates: Whether anything was to be applied.
    """

    def __init__(self, model: Any, wanted: Wanted, copies: bool) -> None:
        self._model = model
        self._wanted = wanted
        self._copies = copies
        self._numbers = {id(v): number for number, v in enumerate(wanted.variables)}
        # A training step of one's own may hand over what is inside a Keras variable.
        self._numbers |= {id(v._value): n for n, v in enumerate(wanted.variables)}
        # The user's step writes to the weights before the outputs are looked at.
        self._weights = {_place(v._value) for v in model.variables}
        self._outputs: list[torch.Tensor] = []
        self._calls: list[int] = []
        self._trained: list[int] = []
        self._gradients: dict[int, torch.Tensor] = {}
        self._batch: BatchValues | None = None
        self.optimizers: tuple[Any, ...] = ()
        self.has_updates = False

    def on_output(self, layer: int, output: Any) -> None:
        for tensor in keras.tree.flatten(output):
            if _is_usable(tensor) and tensor.is_floating_point():
                tensor = tensor.detach()
                if self._copies or _place(tensor) in self._weights:
                    tensor = tensor.clone()
                self._outputs.append(_units_last(tensor, self._wanted.layers[layer]))
                self._calls.append(layer)

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None:
        if self._batch is not None or not self._wanted.rows or not _is_usable(loss):
            return
        tensors: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
        rows = None
        for kind in _KINDS:
            leaves = keras.tree.flatten(arguments.get(kind))
            usable = [t for t in leaves if _is_usable(t) and t.ndim]
            for tensor in usable[:_MOST_TENSORS]:
                dtype = keras.backend.standardize_dtype(tensor.dtype)
                (first,) = packing.to_arrays([tensor[: self._wanted.rows]])
                tensors[kind].append((np.array(first), tuple(tensor.shape[1:]), dtype))
                rows = len(tensor) if kind == "y_pred" or rows is None else rows
        if rows is not None:
            penalties = [p for p in self._model.losses if _is_usable(p)]
            penalty = sum(_scalar(p) for p in penalties)
            weighted = arguments.get("sample_weight") is not None
            self._batch = BatchValues(_scalar(loss), penalty, weighted, rows, tensors)

    def on_apply(self, optimizer: Any, gradients: Any, variables: Any) -> None:
        if all(optimizer is not known for known in self.optimizers):
            self.optimizers = (*self.optimizers, optimizer)
        self.on_update(gradients, variables)

    def on_update(self, gradients: Any, variables: Any) -> None:
        """Takes what is to be applied to variables, or to what is inside them."""
        self.has_updates = True
        for gradient, variable in zip(gradients, variables):
            number = self._numbers.get(id(variable))
            if number is None:
                continue
            self._trained.append(number)
            if gradient is not None:
                gradient = _dense(gradient.detach(), self._wanted.dense)
                self._gradients[number] = gradient.clone() if self._copies else gradient

    def values(
        self, weights: tuple[Stack, ...], inputs_are_finite: Callable[[], bool]
    ) -> ReplicaValues:
        """Returns all that was found, on the host."""
        outputs = packing.to_arrays(self._outputs)
        gradients = packing.to_arrays(self._gradients.values())
        return ReplicaValues(
            calls=tuple(self._calls),
            outputs=packing.stack_outputs(outputs),
            gradients=tuple(packing.stack_flat(list(self._gradients), gradients)),
            weights=weights,
            trained=tuple(self._trained),
            batch=self._batch,
            inputs_are_finite=inputs_are_finite,
        )


def _place(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _is_usable(tensor: Any) -> bool:
    return (
        isinstance(tensor, torch.Tensor)
        and tensor.layout is torch.strided
        and not tensor.is_meta
    )


def _scalar(loss: torch.Tensor) -> float:
    """Returns the value of a loss; that of a batch without rows may be none."""
    return float(loss.detach().reshape(-1)[0]) if loss.numel() else math.nan


def _dense(gradient: torch.Tensor, whole: bool) -> torch.Tensor:
    """Returns a sparse gradient as a whole, or its rows, each once."""
    if not gradient.is_sparse:
        return gradient
    return gradient.to_dense() if whole else gradient.coalesce().values()


def _units_last(tensor: torch.Tensor, layer: Any) -> torch.Tensor:
    if getattr(layer, "data_format", None) != "channels_first" or tensor.ndim < 3:
        return tensor
    return tensor.movedim(1, -1)
