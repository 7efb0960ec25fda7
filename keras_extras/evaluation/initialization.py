"""Models as they are before a training, with kernels drawn from a choice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_extras.constraints.axes import kernels_of
from keras_extras.keras_internals.graph import has_graph
from keras_extras.keras_internals.layer_state import copy_state
from keras_extras.keras_internals.layer_tree import inner_layers
from keras_extras.keras_internals.layer_tree import own_trainable
from keras_extras.keras_internals.layer_tree import sublayers

_AS_IT_IS = "as it is"


def fresh_model(model: Any, inputs: Any, initializer: Any, seed: int) -> Any:
    """Returns a new model with weights of its own; call it with the seeds kept.

    Args:
        model: A model that can be cloned, or a function that returns one.
        inputs: A batch, to build it with.
        initializer: What to draw the kernels from, or `None` for its own.
        seed: Decides what is drawn.
    """
    # Keras draws the seed of each initialiser from Python's generator.
    random.seed(seed)
    np.random.seed(seed)
    fresh = _made(model)
    fresh(inputs, training=False)
    if not _is_function(model):
        _keep_values(model, fresh)
    if initializer is not None:
        _draw(fresh, initializer)
    return fresh


def labelled(initializers: Any) -> dict[str, Any]:
    """Returns initialisers by label, `None` for those that a model has."""
    if isinstance(initializers, Mapping):
        choices = dict(initializers)
    else:
        is_list = isinstance(initializers, list | tuple)
        given = list(initializers) if is_list else [initializers]
        choices = {}
        for each in given:
            label = _label(each)
            same = sum(known.split(" #")[0] == label for known in choices)
            choices[f"{label} #{same + 1}" if same else label] = each
    if not choices:
        raise ValueError(
            "`initializers` must have at least one. "
            f"Received: initializers={initializers!r}"
        )
    for each in choices.values():
        _check(each)
    return choices


def _check(initializer: Any) -> None:
    try:
        keras.initializers.get(initializer)
        if isinstance(initializer, type) and not issubclass(
            initializer, keras.initializers.Initializer
        ):
            raise ValueError("a class of something else")
    except (ValueError, TypeError) as error:
        raise ValueError(
            "`initializers` must be initialisers of Keras, by name or as objects. "
            f"Received: {initializer!r}"
        ) from error


def _label(initializer: Any) -> str:
    if initializer is None:
        return _AS_IT_IS
    if isinstance(initializer, str):
        return initializer
    return getattr(initializer, "__name__", type(initializer).__name__)


def _is_function(model: Any) -> bool:
    return callable(model) and not isinstance(model, keras.layers.Layer)


def _made(model: Any) -> Any:
    if _is_function(model):
        made = model()
        if not isinstance(made, keras.Model):
            raise ValueError(
                "`model` must be a Keras model or a function that returns one. "
                f"Received: a function that returns {made!r}"
            )
        return made
    if not isinstance(model, keras.Sequential) and not has_graph(model):
        raise ValueError(
            "`model` must be a Sequential or functional model, or a function without "
            f"arguments that returns a model of any kind. Received: model={model!r}"
        )
    return keras.models.clone_model(model)


def _keep_values(model: Any, fresh: Any) -> None:
    """Copies what is not drawn at the start of a training."""
    for old, new in _pairs(model, fresh):
        # Preprocessing has no weights that a training would change.
        is_kept = not old.trainable or not own_trainable(old)
        if is_kept and old.built and not inner_layers(old):
            copy_state(old, new)


def _pairs(old: Any, new: Any) -> Iterator[tuple[Any, Any]]:
    """Yields each layer with its clone; a model that is not built has fewer."""
    yield old, new
    inner = [
        [
            part
            for part in inner_layers(each)
            if not isinstance(part, keras.layers.InputLayer)
        ]
        for each in (old, new)
    ]
    for pair in zip(*inner):
        yield from _pairs(*pair)


def _draw(model: Any, initializer: Any) -> None:
    for layer in sublayers(model):
        for kernel in kernels_of(layer) if layer.trainable else ():
            if kernel.name in ("embeddings", "recurrent_kernel"):
                continue
            variable = getattr(layer, kernel.name)
            draw = _unseeded(initializer)
            variable.assign(draw(variable.shape, dtype=variable.dtype))


def _unseeded(initializer: Any) -> Any:
    """Returns one of the same kind that draws numbers of its own.

    An initialiser returns the same values at each call.
    """
    made = keras.initializers.get(initializer)
    if not isinstance(made, keras.initializers.Initializer):
        return made
    config = made.get_config()
    return type(made).from_config(
        {**config, "seed": None} if "seed" in config else config
    )
