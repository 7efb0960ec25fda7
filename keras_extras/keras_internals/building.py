"""Makes the variables that `fit` would make on its way."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.keras_internals.layer_tree import all_layers
from keras_extras.keras_internals.running_fit import data_of_fit
from keras_extras.keras_internals.running_fit import local_of_fit


def is_built(model: Any) -> bool:
    """Returns whether all layers of `model` have their variables."""
    return all(layer.built for layer in all_layers(model))


def is_ready(model: Any) -> bool:
    """Returns whether a step of `model` makes no variables but those of optimizers.

    A model with a training step of its own may never be called itself, and that step
    may be what makes the variables of the metrics.
    """
    built = all(layer.built for layer in model._flatten_layers(include_self=False))
    metrics = getattr(model, "_compile_metrics", None)
    own_step = type(model).train_step is not keras.Model.train_step
    return built and not (own_step and metrics is not None and not metrics.built)


@contextlib.contextmanager
def first_look_kept(model: Any) -> Iterator[None]:
    """Has the next `fit` look at a first batch if the one within would have to.

    Where losses and metrics are not built yet Keras does, and data that is shuffled
    draws random numbers for it.
    """
    names = ("_compile_loss", "_compile_metrics")
    parts = [getattr(model, name, None) for name in names]
    new = [each for each in parts if each is not None and not each.built]
    try:
        yield
    finally:
        # On TensorFlow `fit` looks at none.
        for part in new if keras.backend.backend() != "tensorflow" else ():
            part.built = False
            made = getattr(part, "_metrics", None)  # by the loss, one for each output
            if isinstance(made, list):
                made.clear()


def is_never_compiled(model: Any) -> bool:
    """Returns whether each step of `model` runs as Python code."""
    if keras.backend.backend() == "torch":
        return not model.jit_compile
    return bool(model.run_eagerly)


def build_optimizer(optimizer: Any, variables: list[Any]) -> None:
    """Makes the variables of `optimizer` for those of a model, as Keras names them."""
    if not optimizer.built:
        with keras.name_scope(optimizer.name, caller=optimizer):
            optimizer.build(variables)


def copies_weights(optimizer: Any) -> bool:
    """Returns whether an optimizer starts from a copy of the weights.

    In a traced step of TensorFlow such a copy is lost, and with it the weights: to
    build it before would repair a training that is to go on as without us.
    """
    return type(optimizer).__name__ == "ScheduleFreeAdamW"


def build_in_fit(model: Any, name: str) -> None:
    """Makes the variables of a model whose `fit` has begun, before its first batch.

    Args:
        model: The model.
        name: Name of the class or function that needs them, for the error.
    """
    if is_built(model):
        return
    data = data_of_fit()
    if data is None:
        raise ValueError(
            f"`{name}` needs a model that is built; call it on a batch first. "
            f"Received: model={model!r}"
        )
    model._symbolic_build(iterator=data)
    data.reset()


def draw_as_a_new_fit(model: Any, callbacks: Any) -> None:
    """Reads a first batch and drops it, as `fit` does with a model compiled anew.

    Keras looks at one batch to make the variables of the metrics. Where data are
    shuffled by a global random generator, their order is drawn for it, and then drawn
    again. A Python generator is left alone: it would lose the batch.

    Args:
        model: A compiled model.
        callbacks: The `CallbackList` of its `fit`, between two epochs.
    """
    data = local_of_fit(callbacks, "epoch_iterator")
    is_generator = isinstance(local_of_fit(callbacks, "x"), types.GeneratorType)
    looks = model._compile_metrics is not None or model._compile_loss is not None
    if data is None or is_generator or not looks:
        return
    for _, _, batches in data:
        if not isinstance(batches, list | tuple):
            next(batches, None)
        break
    data.reset()
