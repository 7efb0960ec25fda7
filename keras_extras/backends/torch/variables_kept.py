from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np
import torch

from keras_extras.backends.torch.torch_optimizers import StateKept
from keras_extras.backends.torch.torch_optimizers import torch_optimizers_of
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.keras_internals.layer_tree import unique
from keras_extras.keras_internals.snapshot import global_seed_state
from keras_extras.keras_internals.stock import optimizers_within
from keras_extras.keras_internals.stock import trains_with_keras_own_step
from keras_extras.keras_internals.torch_draws import TorchDraws


def tensors_of_training(model: Any) -> list[torch.Tensor]:
    """Returns all tensors that Keras or torch know a training of `model` may write.

    Those of its optimizers and metrics are among them, and the buffers of modules of
    torch within it.
    """
    variables = [
        *model.variables,
        *model.metrics_variables,
        *(v for each in optimizers_within(model) for v in each.variables),
    ]
    values = [variable._value for variable in variables]
    found = [*values, *model.parameters(), *buffers_of(model)]
    return unique(tensor for tensor in found if isinstance(tensor, torch.Tensor))


def buffers_of(model: Any) -> list[torch.Tensor]:
    """Returns the buffers of all modules of torch within a model.

    Keras does not register what is in a list, such as its layers, with torch.
    """
    found = [buffer for layer in sublayers(model) for buffer in layer.buffers()]
    return unique(found)


class VariablesKept:
    """Holds all that a training changes, to go back to.

    That is variables of model, optimizers and metrics, buffers of modules of torch,
    what optimizers of torch keep, gradients that add up from batch to batch, and the
    states of random generators.

    Args:
        model: The model, whose optimizers and metrics are meant too.
    """

    def __init__(self, model: Any) -> None:
        self._judged = {id(v._value) for v in model.trainable_variables}
        self._judged |= {
            id(v._value) for each in optimizers_within(model) for v in each.variables
        }
        tensors = tensors_of_training(model)
        seed = global_seed_state()
        if seed is not None:
            tensors.append(seed._value)
        self._values = [(tensor, tensor.detach().clone()) for tensor in tensors]
        copied = not trains_with_keras_own_step(model)
        self._gradients = gradients_of(model, copied)
        self._optimizers = [StateKept(each) for each in torch_optimizers_of(model)]
        self._python, self._numpy = random.getstate(), np.random.get_state()
        self._draws = TorchDraws()

    def is_finite(self) -> bool:
        """Returns whether all weights and all that optimizers keep are finite."""
        sums = [
            value.sum(dtype=torch.float32)
            for tensor, value in self._values
            if id(tensor) in self._judged and value.is_floating_point()
        ]
        return not sums or bool(torch.isfinite(torch.stack(sums)).all())

    def restore(self) -> None:
        """Gives everything its value back."""
        with torch.no_grad():
            for tensor, value in self._values:
                tensor.copy_(value)
        for parameter, gradient in self._gradients:
            parameter.grad = gradient
        for each in self._optimizers:
            each.restore()
        random.setstate(self._python)
        np.random.set_state(self._numpy)
        self._draws.restore()


def gradients_of(
    model: Any, copied: bool
) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    """Returns the parameters of a model, each with the gradient that it holds.

    Args:
        model: The model.
        copied: Whether the gradients may be written to. Keras' own training step
            drops them and makes new ones.
    """
    found = []
    for parameter in model.parameters():
        gradient = parameter.grad
        if gradient is not None and copied:
            gradient = gradient.detach().clone()
        found.append((parameter, gradient))
    return found


def inputs_of(batch: Any) -> list[torch.Tensor]:
    """Returns the inputs in a batch that are tensors of floating-point numbers."""
    x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
    return [
        leaf
        for leaf in keras.tree.flatten(x)
        if isinstance(leaf, torch.Tensor) and leaf.is_floating_point()
    ]
