from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import keras
import torch

from keras_extras.backends.contract import CannotInspectError
from keras_extras.backends.contract import ReplicaValues
from keras_extras.backends.contract import Wanted
from keras_extras.backends.torch import packing
from keras_extras.backends.torch.batch_ring import as_in_training
from keras_extras.backends.torch.found import Found
from keras_extras.backends.torch.side_effects import SideEffects
from keras_extras.backends.torch.torch_optimizers import ended_by_updates
from keras_extras.backends.torch.variables_kept import gradients_of
from keras_extras.backends.torch.variables_kept import inputs_of
from keras_extras.keras_internals.dry_scope import DryScope
from keras_extras.keras_internals.dry_scope import losses_kept
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.keras_internals.snapshot import random_state_kept_beside
from keras_extras.keras_internals.stock import is_stock
from keras_extras.keras_internals.stock import optimizers_within
from keras_extras.keras_internals.stock import trains_with_keras_own_step
from keras_extras.keras_internals.taps import Taps


class TorchDryRun:
    """Runs the training step of a model without a write, and brings back what it saw.

    Keras' own step is a pass of ours, whose gradients no variable ever holds. A step
    of the user's own is run until its end, or until an optimizer of torch would write.
    What holds code of other people works on a copy of the batch, and what it writes
    past Keras' variables is put back.

    Args:
        model: The model.
        wanted: What to bring back.

    Raises:
        CannotInspectError: If the step is compiled and draws random numbers, of which
            this one would draw others.
    """

    def __init__(self, model: Any, wanted: Wanted) -> None:
        self._model = model
        self._wanted = wanted
        self._own_step = trains_with_keras_own_step(model)
        self._layers = sublayers(model)
        self._is_stock = is_stock(model) and not any(
            isinstance(layer, keras.layers.TorchModuleWrapper) for layer in self._layers
        )
        self._taps = Taps(wanted.layers, model, optimizers_within(model))
        self.optimizers: tuple[Any, ...] = ()
        self._check_compiled()

    def _check_compiled(self) -> None:
        draws = any(layer._seed_generators for layer in self._layers)
        if self._model.jit_compile and (draws or not self._is_stock):
            raise CannotInspectError(
                "it is compiled with `jit_compile=True`, so that its layers draw other "
                "random numbers than a step which is run beside it"
            )

    def is_dear(self, batch: Any) -> bool:
        """Returns `False`: nothing is compiled."""
        return False

    def __call__(self, state: Any, batch: Any) -> tuple[ReplicaValues, ...]:
        found = Found(self._model, self._wanted, copies=not self._is_stock)
        with (
            random_state_kept_beside(self._model),
            self._side_effects_undone(),
            torch.enable_grad(),
        ):
            data = as_in_training(batch)
            are_finite = functools.partial(_are_finite, data)
            with (
                self._taps.installed(),
                losses_kept(self._layers),
                _DetachedScope() as scope,
                self._taps.heard_by(found),
            ):
                self._step(data if self._is_stock else _copied(data), found, scope)
        self.optimizers = found.optimizers
        weights = packing.read_variables(self._wanted.weights)
        return (found.values(weights, are_finite),)

    @contextlib.contextmanager
    def _side_effects_undone(self) -> Iterator[None]:
        if self._is_stock:
            yield
            return
        effects = SideEffects(self._model, self._layers)
        try:
            yield
        finally:
            written = effects.undo()
        if written is not None:
            raise CannotInspectError(
                f"its training step writes to the variable {written!r} itself, in "
                "place, which would happen twice on a sampled batch. To `assign` to a "
                "variable is fine, and so are optimizers of Keras and of torch"
            )

    def _step(self, data: Any, found: Found, scope: keras.StatelessScope) -> None:
        if self._own_step:
            self._keras_own_step(data, found, scope)
        else:
            self._users_own_step(data, found)

    def _keras_own_step(
        self, data: Any, found: Found, scope: keras.StatelessScope
    ) -> None:
        model = self._model
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        training = {"training": True} if model._call_has_training_arg else {}
        y_pred = model(x, **training)
        loss = model._compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True
        )
        variables = model.trainable_weights if self._wanted.variables else []
        if variables:
            # What the step itself has assigned, as spectral normalization does, is a
            # value of its own from there.
            sources = [scope.get_current_value(variable) for variable in variables]
            gradients = torch.autograd.grad(
                model.optimizer.scale_loss(loss), sources, allow_unused=True
            )
            found.on_apply(model.optimizer, gradients, variables)

    def _users_own_step(self, data: Any, found: Found) -> None:
        model = self._model

        def on_update(optimizer: torch.optim.Optimizer) -> None:
            groups = optimizer.param_groups
            _take_gradients(found, [p for group in groups for p in group["params"]])

        kept = gradients_of(model, copied=False)
        try:
            for parameter, gradient in kept:  # they may add up from batch to batch
                if gradient is not None:
                    parameter.grad = gradient.detach().clone()
            with ended_by_updates(model, on_update):
                model.train_step(data)
            if not found.has_updates:
                _take_gradients(found, [v._value for v in model.trainable_variables])
        finally:
            for parameter, gradient in kept:
                parameter.grad = gradient


class _DetachedScope(DryScope):
    """Keeps writes to itself, as values that no gradient flows through.

    In the step itself a value is copied into the variable, which cuts its history off.
    """

    def add_update(self, update: tuple[Any, Any]) -> None:
        variable, value = update
        value = value.detach()
        if variable.trainable and value.is_floating_point():
            value.requires_grad_()
        super().add_update((variable, value))


def _take_gradients(found: Found, parameters: list[torch.Tensor]) -> None:
    found.on_update([p.grad for p in parameters], parameters)


def _copied(data: Any) -> Any:
    return keras.tree.map_structure(
        lambda leaf: leaf.clone() if isinstance(leaf, torch.Tensor) else leaf, data
    )


def _are_finite(data: Any) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in inputs_of(data))
