"""Finds the layers of a model that are random, and switches those on alone.

Layers are switched on one by one: an override of a method on the instance passes
`training=True` to it and to nothing else, so that batch normalisation, spectral
normalisation and augmentation keep the mode that they have in `predict`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import keras

from keras_extras.keras_internals.graph import takes_training
from keras_extras.keras_internals.layer_tree import named_layers
from keras_extras.keras_internals.layer_tree import own_seed_generators
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.keras_internals.layer_tree import unique
from keras_extras.keras_internals.local_overrides import Override
from keras_extras.keras_internals.local_overrides import overridden
from keras_extras.keras_internals.overrides import Overrides
from keras_extras.keras_internals.recurrent import draws_in_each_step
from keras_extras.keras_internals.recurrent import runs_cell_in_a_loop
from keras_extras.layers.always_on import in_training

LayerChoice = Sequence[Any] | None
IsBatch = Callable[[Any], bool]


class CannotTile(Exception):
    """A layer draws one mask for all rows, so rows cannot be several samples."""


def stochastic_layers(model: Any, layers: LayerChoice = None) -> list[Any]:
    """Returns the layers to switch on.

    Args:
        model: A Keras model.
        layers: Layers, names or layer classes to choose, `None` for all stochastic
            regularisation of Keras.

    Raises:
        ValueError: If nothing of the model is chosen, or what cannot be random.
    """
    if layers is None:
        return [layer for layer in sublayers(model) if is_regularisation(layer)]
    chosen: list[Any] = []
    for layer in _named(model, layers):
        inside = [inner for inner in sublayers(layer) if is_regularisation(inner)]
        if not inside and not _may_be_random(layer):
            raise ValueError(
                "`layers` must hold layers that are random when `training=True`. "
                f"Received: layer {layer.name!r} of class {type(layer).__name__}, "
                "which draws no random number"
            )
        chosen += inside or [layer]
    if not chosen:
        raise ValueError(
            "`layers` must hold at least one layer, or be None for all that drop or "
            f"add noise. Received: layers={layers!r}"
        )
    return unique(chosen)


def _named(model: Any, layers: Any) -> list[Any]:
    try:
        return named_layers(model, layers)
    except TypeError:  # compared with what cannot be
        raise ValueError(
            "`layers` must be a list of layers, names or layer classes. "
            f"Received: layers={layers!r}"
        ) from None


def _may_be_random(layer: Any) -> bool:
    """Returns whether a layer without regularisation of Keras may be random."""
    return any(
        own_seed_generators(inner) or not _of_keras(inner) for inner in sublayers(layer)
    )


def is_regularisation(layer: Any) -> bool:
    """Returns whether the layer itself drops something or adds noise in training."""
    if isinstance(layer, _DROPOUT):
        return layer.rate > 0
    if isinstance(layer, keras.layers.GaussianNoise):
        return layer.stddev > 0
    if isinstance(layer, keras.layers.Attention):
        return layer.dropout > 0
    if _is_stochastic_depth(layer):
        return layer.drop_path_rate > 0
    return _is_dropping_cell(layer)


def _is_stochastic_depth(layer: Any) -> bool:
    # Of `keras.applications`, where it has no public name.
    return _of_keras(layer) and type(layer).__name__ == "StochasticDepth"


_DROPOUT = (
    keras.layers.Dropout,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
)


def _is_dropping_cell(layer: Any) -> bool:
    """Returns whether it is a recurrent cell that makes masks of its own."""
    if not hasattr(layer, "get_dropout_mask"):
        return False
    return bool(layer.dropout or layer.recurrent_dropout)


def random_layers(model: Any, chosen: list[Any]) -> list[Any]:
    """Returns all layers whose output differs from sample to sample.

    Beside the chosen ones those that are not of Keras and hold a generator of
    random numbers: they may use it in inference, as layers that are always on do.
    """
    known = {id(layer) for layer in chosen}
    return [
        layer
        for layer in sublayers(model)
        if id(layer) in known or (own_seed_generators(layer) and not _of_keras(layer))
    ]


def draws_without_seed(model: Any) -> bool:
    """Returns whether layers may draw from the generator that `keras.random` keeps."""
    return any(
        not _of_keras(layer) or _is_stochastic_depth(layer)
        for layer in sublayers(model)
    )


def _of_keras(layer: Any) -> bool:
    return type(layer).__module__.split(".")[0] == "keras"


def seed_generators(model: Any) -> list[Any]:
    """Returns every generator of random numbers that a layer of the model holds."""
    found = [item for layer in sublayers(model) for item in own_seed_generators(layer)]
    return unique(found)


@contextmanager
def switched_on(
    model: Any,
    chosen: list[Any],
    shared: bool = False,
    is_batch: IsBatch | None = None,
    in_all_threads: bool = False,
    spare: Any | None = None,
) -> Iterator[None]:
    """Switches the chosen layers on, in this thread, for as long as the context lasts.

    Args:
        model: The model that the layers belong to.
        chosen: Layers to switch on.
        shared: Whether all rows of a batch get the same mask.
        is_batch: Function that says whether the first axis of a tensor is that of the
            batch, if rows stand for several samples of each input; a layer that gives
            all rows the same mask then raises `CannotTile`.
        in_all_threads: Whether to switch them on in all threads.
        spare: The generator that layers without one draw from, if it is not Keras'.
    """
    overrides = [*_loops(model, chosen, spare), *_switches(model, chosen, shared)]
    for layer in chosen:
        if _is_dropping_cell(layer):
            overrides += _masks_of_its_own(layer)
        elif is_batch is not None:
            overrides.append(Override(layer, "call", _rows_checked(is_batch)))
    with overridden(overrides, in_all_threads):
        yield


def install(model: Any, chosen: list[Any]) -> None:
    """Switches the chosen layers on for good, in all threads."""
    overrides = Overrides()
    for switch in _switches(model, chosen, shared=False):
        original = getattr(switch.owner, switch.method)
        made = switch.make(switch.owner, original)
        overrides.set(switch.owner, switch.method, made)


def _switches(model: Any, chosen: list[Any], shared: bool) -> list[Override]:
    switches = []
    known = {id(layer) for layer in chosen}
    for layer in chosen:
        switches += _switches_of(layer, shared)
    for layer in sublayers(model):
        cell = getattr(layer, "cell", None)
        # LSTM and GRU drop their inputs themselves before a fused loop.
        if id(cell) in known and isinstance(layer, _FUSED):
            switches.append(Override(layer, "inner_loop", _in_training))
    return switches


def _loops(model: Any, chosen: list[Any], spare: Any | None) -> list[Override]:
    """Gives each time step of a cell with random layers within it masks of its own."""
    known = {id(layer) for layer in random_layers(model, chosen)}
    overrides = []
    for layer in sublayers(model):
        if not runs_cell_in_a_loop(layer):
            continue
        # Cells of Keras draw their masks before the loop.
        within = [x for x in sublayers(layer.cell) if not _is_dropping_cell(x)]
        if any(id(inner) in known for inner in within):
            generators = seed_generators(layer.cell)
            if spare is not None:
                generators = [*generators, spare]
            overrides.append(
                Override(layer, "inner_loop", draws_in_each_step(generators))
            )
    return overrides


def _masks_of_its_own(cell: Any) -> list[Override]:
    """Keeps the masks of a cell apart from those that it holds for other threads."""
    kept: dict[str, Any] = {}

    def get(rate: str) -> Callable[..., Any]:
        def mask(step_input: Any) -> Any:
            if kept.get(rate) is None and getattr(cell, rate) > 0:
                create = cell._create_dropout_mask
                kept[rate] = create(step_input, getattr(cell, rate))
            return kept.get(rate)

        return mask

    def reset(rate: str) -> Callable[..., Any]:
        return lambda: kept.pop(rate, None)

    return [
        Override(cell, method, lambda *_, make=make, rate=rate: make(rate))
        for method, make, rate in (
            ("get_dropout_mask", get, "dropout"),
            ("reset_dropout_mask", reset, "dropout"),
            ("get_recurrent_dropout_mask", get, "recurrent_dropout"),
            ("reset_recurrent_dropout_mask", reset, "recurrent_dropout"),
        )
    ]


_FUSED = (keras.layers.LSTM, keras.layers.GRU)


def _switches_of(layer: Any, shared: bool) -> list[Override]:
    on = Override(layer, "call", _in_training)
    if not shared:
        return [on]
    if isinstance(layer, keras.layers.AlphaDropout):
        return [Override(layer, "call", _shared_alpha), on]
    if isinstance(layer, keras.layers.GaussianNoise):
        return [Override(layer, "call", _shared_sum), on]
    if isinstance(layer, _DROPOUT) or _is_stochastic_depth(layer):
        return [Override(layer, "call", _shared_product), on]
    if isinstance(layer, keras.layers.Attention):
        return [Override(layer, "_apply_scores", _shared_scores)]
    if _is_dropping_cell(layer):
        return [Override(layer, "_create_dropout_mask", _shared_mask), on]
    raise ValueError(
        "`shared_masks` must be False with layers that are not of Keras. "
        f"Received: shared_masks=True, layer={layer!r}"
    )


def _in_training(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    # A layer of somebody's own without the argument is random always.
    return in_training(call) if takes_training(layer) else call


def _rows_checked(is_batch: IsBatch) -> Callable[..., Any]:
    def make(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def wrapper(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            noise_shape = getattr(layer, "noise_shape", None)
            fixed_mask = noise_shape is not None and noise_shape[0] is not None
            tensors = keras.tree.flatten(inputs)
            if fixed_mask or not all(len(t.shape) and is_batch(t) for t in tensors):
                raise CannotTile
            return call(inputs, *args, **kwargs)

        return wrapper

    return make


def _shared_product(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def wrapper(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return inputs * call(keras.ops.ones_like(inputs[:1]), *args, **kwargs)

    return wrapper


def _shared_sum(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def wrapper(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return inputs + call(keras.ops.zeros_like(inputs[:1]), *args, **kwargs)

    return wrapper


def _shared_alpha(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def wrapper(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        per_axis = layer.noise_shape or (None,) * len(inputs.shape)
        # A twin: others may call the layer meanwhile.
        twin = object.__new__(type(layer))
        vars(twin).update(vars(layer), noise_shape=(1, *per_axis[1:]))
        return type(layer).call(twin, inputs, *args, **kwargs)

    return wrapper


def _shared_scores(layer: Any, apply: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(apply)
    def wrapper(scores: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        _, weights = apply(scores, value, *args, **{**kwargs, "training": False})
        weights = weights * keras.random.dropout(
            keras.ops.ones_like(weights[:1]), layer.dropout, seed=layer.seed_generator
        )
        return keras.ops.matmul(weights, value), weights

    return wrapper


def _shared_mask(layer: Any, create: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create)
    def wrapper(step_input: Any, *args: Any, **kwargs: Any) -> Any:
        return create(step_input[:1], *args, **kwargs)

    return wrapper
