"""Copies a model layer by layer, with other arguments for some of them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
from keras.src.saving.serialization_lib import SafeModeScope

from keras_extras.keras_internals.graph import has_graph
from keras_extras.keras_internals.graph import operation_of
from keras_extras.keras_internals.layer_tree import all_layers
from keras_extras.keras_internals.layer_tree import own_weights
from keras_extras.keras_internals.layer_tree import paths_of_layers
from keras_extras.keras_internals.overrides import attribute_set

Insert = Callable[[Any], Any]


def copy_of(
    model: Any,
    changes: Mapping[int, Mapping[str, Any]],
    before: Insert | None = None,
    after: Insert | None = None,
) -> Any:
    """Returns a copy of a model that is built and not compiled, with new weights.

    Args:
        model: A Sequential or Functional model.
        changes: From the `id` of a layer to the arguments that change.
        before: Layer that the inputs go through first, or `None`.
        after: Layer that the outputs go through last, or `None`.

    Raises:
        ValueError: If the model or one of its layers cannot be copied.
    """
    _check_copied(model)

    def clone(layer: Any) -> Any:
        return _changed_layer(layer, changes)

    sources = {type(each).__name__: type(each) for each in all_layers(model)}
    own = {k: v for k, v in sources.items() if not v.__module__.startswith("keras.")}
    # Code that the model itself brings runs in it already.
    with SafeModeScope(False), keras.saving.CustomObjectScope(own):
        try:
            return _cloned(model, clone, before, after)
        except Exception as error:
            raise ValueError(
                "`model` must have layers that can be made again from their "
                f"configuration. Received: {model!r}; {type(error).__name__}: {error}"
            ) from error


def _check_copied(model: Any) -> None:
    if not (isinstance(model, keras.Sequential) or has_graph(model)):
        raise ValueError(
            "`model` must be a Sequential or Functional one, whose layers are known, "
            f"to be copied with a change. Received: {model!r}"
        )
    steps = ("train_step", "compute_loss")
    if any(getattr(type(model), s) is not getattr(keras.Model, s) for s in steps):
        raise ValueError(
            "`model` must train by Keras' own step to be copied: that of a class of "
            f"its own may hold more than its layers. Received: {model!r}"
        )


def _cloned(
    model: Any,
    clone: Callable[[Any], Any],
    before: Insert | None = None,
    after: Insert | None = None,
) -> Any:
    if isinstance(model, keras.Sequential):
        return _cloned_stack(model, clone, before, after)
    inputs = keras.tree.map_structure(_like, model.input)
    tensors = keras.tree.flatten(inputs)
    seen = {id(t): t if before is None else before(t) for t in tensors}
    last = {operation_of(tensor).name for tensor in keras.tree.flatten(model.output)}

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        given = keras.tree.map_structure(lambda v: seen.get(id(v), v), (args, kwargs))
        returned = layer(*given[0], **given[1])
        return after(returned) if after and layer.name in last else returned

    # What it was compiled with stays its own, its metrics above all.
    with attribute_set(model, "compiled", False):
        return keras.models.clone_model(
            model,
            input_tensors=inputs,
            clone_function=lambda layer: _cloned_layer(layer, clone),
            call_function=call,
        )


def _cloned_stack(
    model: Any,
    clone: Callable[[Any], Any],
    before: Insert | None,
    after: Insert | None,
) -> Any:
    inputs = _like(model.inputs[0])
    # Layers that do not bear the weights of the model: it is one stack still.
    made = [_made_by(insert) for insert in (before, after)]
    layers = [_cloned_layer(layer, clone) for layer in model.layers]
    return keras.Sequential([inputs, *made[0], *layers, *made[1]], name=model.name)


def _made_by(insert: Insert | None) -> list[Any]:
    return [] if insert is None else [insert]


def _like(tensor: Any) -> Any:
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)


def _cloned_layer(layer: Any, clone: Callable[[Any], Any]) -> Any:
    if isinstance(layer, keras.Sequential) or has_graph(layer):
        copied = _cloned(layer, clone)
        copied.trainable = layer.trainable
        return copied
    return clone(layer)


def _changed_layer(layer: Any, changes: Mapping[int, Mapping[str, Any]]) -> Any:
    if isinstance(layer, keras.layers.InputLayer):
        return type(layer).from_config(layer.get_config())
    config = layer.get_config()
    kind = type(layer)
    own = dict(changes.get(id(layer), {}))
    if "class_name" in own:
        kind = getattr(keras.layers, own.pop("class_name"))
        config = {
            k: v for k, v in config.items() if k in ("name", "trainable", "dtype")
        } | _shared(layer, kind)
    config.update(own)
    for inner in all_layers(layer, include_self=False):
        if id(inner) in changes and not _change_within(
            config, inner.name, changes[id(inner)]
        ):
            raise ValueError(f"'{inner.name}' is none of what makes '{layer.name}'")
    return kind.from_config(config)


def _shared(layer: Any, kind: Any) -> dict[str, Any]:
    """Returns the arguments of a layer that another class of layers has too."""
    names = ("units", "activation", "return_sequences", "return_state", "rate")
    if kind is keras.layers.Activation:
        return {}
    config = layer.get_config()
    return {name: config[name] for name in names if name in config}


def _change_within(config: Any, name: str, change: Mapping[str, Any]) -> bool:
    """Changes the configuration of a layer within another one's, and says if it did."""
    found = False
    if isinstance(config, dict):
        inner = config.get("config")
        if isinstance(inner, dict) and inner.get("name") == name:
            inner.update(change)
            return True
        for value in config.values():
            found |= _change_within(value, name, change)
    elif isinstance(config, list | tuple):
        for value in config:
            found |= _change_within(value, name, change)
    return found


# Arguments that decide on weights: a layer with others starts anew.
_OF_WEIGHTS = ("class_name", "units", "filters")


def take_weights(
    copied: Any, model: Any, changes: Mapping[int, Mapping[str, Any]]
) -> None:
    """Gives a copy the weights of its model, but for those that are to start anew."""
    theirs = dict(paths_of_layers(model))
    anew = {path for path, layer in theirs.items() if _starts_anew(layer, changes)}
    for path, layer in paths_of_layers(copied):
        source = theirs.get(path)
        if source is None or any(path == p or path.startswith(f"{p}/") for p in anew):
            continue
        for variable, value in zip(own_weights(layer), own_weights(source)):
            if tuple(variable.shape) == tuple(value.shape):
                variable.assign(value)


def _starts_anew(layer: Any, changes: Mapping[int, Mapping[str, Any]]) -> bool:
    change = changes.get(id(layer), {})
    return any(k in _OF_WEIGHTS or k.endswith("initializer") for k in change)
