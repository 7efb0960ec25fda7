"""Which layers a model has, in model order, and what belongs to each of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from keras_extras.keras_internals.frozen_for_now import trained_variables
from keras_extras.keras_internals.layer_tree import inner_layers
from keras_extras.records.layer_info import LayerInfo

LayerFilter = str | re.Pattern[str] | Iterable[str] | Callable[[Any], bool] | None

_ACTIVATION_CLASSES = {
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "PReLU": "leaky_relu",
    "ELU": "elu",
    "Softmax": "softmax",
}


class NoSuchLayerError(ValueError):
    """Says that `layers` does not name layers of the model."""


def check_layers(layers: object) -> None:
    """Raises a `ValueError` unless `layers` can name layers of some model."""
    try:
        if isinstance(layers, str):
            re.compile(layers)
    except re.error as error:
        raise ValueError(
            "`layers` must be a regular expression that names layers, or a list of "
            f"names. Received: layers={layers!r} ({error})"
        ) from error
    if layers is None or isinstance(layers, str | re.Pattern):
        return
    if callable(layers) and not isinstance(layers, type):
        return
    names = list(layers) if isinstance(layers, Iterable) else [layers]
    if not all(isinstance(name, str) for name in names):
        raise ValueError(
            "`layers` must be a regular expression that names layers, a list of names, "
            f"a function of a layer, or None. Received: layers={layers!r}"
        )


@dataclass(frozen=True, eq=False)
class MonitoredLayer:
    """A layer of a live model, with the variables that are its own."""

    layer: Any
    info: LayerInfo
    variables: tuple[Any, ...]

    @property
    def identity(self) -> tuple[Any, ...]:
        """What must be the same for a trace to stay valid."""
        return id(self.layer), self.info, *(id(v) for v in self.variables)


def find_layers(model: Any) -> list[MonitoredLayer]:
    """Returns the layers of `model` in model order, nested ones included.

    Recurrent layers and `TimeDistributed` run their inner layers in a loop, so
    they count as one layer, together with everything inside them. A nested
    model counts only through its layers.
    """
    claimed: set[int] = set()
    names: set[str] = set()
    found = []
    for path, layer in [*_walk(model, "", set()), (model.name, model)]:
        own = [v for v in _own_variables(layer) if id(v) not in claimed]
        claimed.update(id(v) for v in own)
        if isinstance(layer, keras.Model) and not own:
            continue
        name = _unique(path, names)
        info = LayerInfo(
            name=name,
            class_name=type(layer).__name__,
            activation=_activation_name(layer),
            variables=tuple(v.path for v in own),
            sizes=tuple(math.prod(v.shape) for v in own),
        )
        found.append(MonitoredLayer(layer, info, tuple(own)))
    return found


def select_layers(
    candidates: list[MonitoredLayer], layers: LayerFilter
) -> list[MonitoredLayer]:
    """Returns those of the candidates that `layers` names.

    Raises:
        NoSuchLayerError: If a name or a pattern fits no layer of the model.
    """
    if layers is None:
        return candidates
    if callable(layers):
        chosen = [c for c in candidates if layers(c.layer)]
    elif isinstance(layers, str | re.Pattern):
        chosen = [c for c in candidates if _fits(layers, c)]
    else:
        wanted = list(layers) if isinstance(layers, Iterable) else [layers]
        if not all(isinstance(name, str) for name in wanted):
            raise NoSuchLayerError(
                "`layers` must be names, a regular expression, a function of the "
                f"layer or None. Received: layers={layers!r}"
            )
        patterns = [re.escape(name) for name in wanted]
        unknown = [
            name
            for name, pattern in zip(wanted, patterns)
            if not any(_fits(pattern, c) for c in candidates)
        ]
        if unknown:
            raise NoSuchLayerError(_no_such_layer(unknown, candidates))
        chosen = [c for c in candidates if any(_fits(p, c) for p in patterns)]
    if not chosen:
        raise NoSuchLayerError(_no_such_layer(layers, candidates))
    return chosen


def _no_such_layer(received: Any, candidates: list[MonitoredLayer]) -> str:
    known = ", ".join(c.info.name for c in candidates)
    return (
        "`layers` must name layers of the model. "
        f"Received: layers={received!r}. The model has: {known}"
    )


def _fits(pattern: str | re.Pattern[str], candidate: MonitoredLayer) -> bool:
    names = (candidate.info.name, candidate.layer.name)
    return any(re.fullmatch(pattern, name) is not None for name in names)


def _walk(parent: Any, prefix: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    for layer in inner_layers(parent):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, keras.layers.InputLayer):
            continue
        path = f"{prefix}{layer.name}"
        yield path, layer
        if not _runs_a_loop(layer):
            yield from _walk(layer, f"{path}/", seen)


def _runs_a_loop(layer: Any) -> bool:
    return isinstance(layer, keras.layers.RNN | keras.layers.TimeDistributed)


def _own_variables(layer: Any) -> list[Any]:
    if not inner_layers(layer) and not layer.built:  # never called
        return []
    if _runs_a_loop(layer):
        return trained_variables(layer)
    inner = {id(v) for sub in inner_layers(layer) for v in trained_variables(sub)}
    return [v for v in trained_variables(layer) if id(v) not in inner]


def _activation_name(layer: Any) -> str | None:
    function = getattr(layer, "activation", None)
    if function is None:
        return _ACTIVATION_CLASSES.get(type(layer).__name__)
    return getattr(function, "__name__", type(function).__name__)


def _unique(path: str, taken: set[str]) -> str:
    name, number = path, 1
    while name in taken:
        name, number = f"{path}_{number}", number + 1
    taken.add(name)
    return name
