"""Checks what a network of SELU units needs to keep mean 0 and deviation 1.

References:
    Klambauer et al. (2017), "Self-normalizing neural networks".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from keras_extras.diagnostics.condition import Condition
from keras_extras.diagnostics.structure import LayerSpec

_WEIGHTED = ("Dense", "EinsumDense", "Conv", "Depthwise", "Separable")
_DROPOUT = ("Dropout", "SpatialDropout", "GaussianDropout")
_NORMALIZATION = (
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "UnitNormalization",
)
_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concat")
_LOOPS = ("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM", "Bidirectional")
_ATTENTION = ("MultiHeadAttention", "GroupQueryAttention", "Attention", "Additive")
# Weights of another initialisation that are as wide as LeCun's do as well.
_AS_WIDE = 0.05


class _Lack(NamedTuple):
    layer: str | None
    found: str
    remedy: str


def conditions(specs: Sequence[LayerSpec]) -> list[Condition]:
    """Returns all that can be told from the layers, in the order of importance."""
    return [condition(name, specs) for name in _RULES]


def condition(name: str, specs: Sequence[LayerSpec]) -> Condition:
    """Returns one condition by name, as in `Condition`."""
    if name == "architecture" and not _is_known(specs):
        return Condition(name, None, None, "how the layers are linked is not known", "")
    lacks = list(_RULES[name](specs))
    if not lacks:
        return Condition(name, True, None, _HOLDS[name], "")
    more = f", and {len(lacks) - 1} more" if len(lacks) > 1 else ""
    first = lacks[0]
    return Condition(name, False, first.layer, first.found + more, first.remedy)


def first_weighted(specs: Sequence[LayerSpec]) -> LayerSpec | None:
    """Returns the first layer that has a kernel."""
    return next((spec for spec in specs if _has_kernel(spec)), None)


def hidden_specs(specs: Sequence[LayerSpec]) -> list[LayerSpec]:
    """Returns the layers with a kernel after which there is another one."""
    weighted = [spec for spec in specs if _has_kernel(spec)]
    if not _is_known(specs):
        return weighted[:-1]
    return [p for p in weighted if any(_has_kernel(f) for f in _all_after(p, specs))]


def activation_of(spec: LayerSpec, specs: Sequence[LayerSpec]) -> str:
    """Returns the activation of a layer, which may be a layer of its own."""
    if spec.activation not in (None, "linear"):
        return str(spec.activation)
    followers = _after(spec, specs)
    while len(followers) == 1 and not _has_kernel(followers[0]):
        if followers[0].activation is not None:
            return followers[0].activation
        followers = _after(followers[0], specs)
    return "linear"


def _has_kernel(spec: LayerSpec) -> bool:
    return spec.kind.startswith(_WEIGHTED) and spec.weights > 0


def _is_known(specs: Sequence[LayerSpec]) -> bool:
    return all(spec.inputs is not None and "" not in spec.inputs for spec in specs)


def _after(spec: LayerSpec, specs: Sequence[LayerSpec]) -> list[LayerSpec]:
    if _is_known(specs):
        return [p for p in specs if spec.name in (p.inputs or ())]
    place = list(specs).index(spec) + 1
    return list(specs[place : place + 1])


def _all_after(spec: LayerSpec, specs: Sequence[LayerSpec]) -> list[LayerSpec]:
    found: dict[str, LayerSpec] = {}
    waiting = _after(spec, specs)
    while waiting:
        follower = waiting.pop()
        if follower.name not in found:
            found[follower.name] = follower
            waiting += _after(follower, specs)
    return list(found.values())


def _selu(spec: LayerSpec) -> str:
    return f'`{spec.head}, activation="selu", kernel_initializer="lecun_normal")`'


def _activation(specs: Sequence[LayerSpec]) -> Iterator[_Lack]:
    hidden = hidden_specs(specs)
    if not hidden:
        yield _Lack(None, "the model has no hidden layer", "")
    for spec in hidden:
        activation = activation_of(spec, specs)
        if activation != "selu":
            yield _Lack(spec.name, f"'{spec.name}' has {activation}", _selu(spec))


def _initialization(specs: Sequence[LayerSpec]) -> Iterator[_Lack]:
    for spec in specs:
        made = (spec.kernel.initializer if spec.kernel else None) or ""
        if not made or made.startswith("Lecun"):
            continue
        if activation_of(spec, specs) != "selu" or _is_as_wide(spec):
            continue
        yield _Lack(
            spec.name,
            f"'{spec.name}' has {made} instead of LeCun's initialisation",
            _selu(spec),
        )


def _is_as_wide(spec: LayerSpec) -> bool:
    kernel = spec.kernel
    if kernel is None:
        return False
    return abs(kernel.rms * math.sqrt(kernel.fan_in) - 1.0) < _AS_WIDE


def _dropout(specs: Sequence[LayerSpec]) -> Iterator[_Lack]:
    for spec in specs:
        if spec.kind.startswith(_DROPOUT) and spec.rate > 0.0:
            yield _Lack(
                spec.name,
                "plain dropout shifts mean and variance, AlphaDropout does not",
                f"`keras.layers.AlphaDropout({spec.rate:g})` instead of '{spec.name}'",
            )


def _architecture(specs: Sequence[LayerSpec]) -> Iterator[_Lack]:
    for spec in specs:
        if len(spec.inputs or ()) > 1 or spec.kind.startswith(_MERGES):
            found = f"'{spec.name}' joins several paths"
        elif spec.kind.startswith((*_LOOPS, *_ATTENTION)):
            found = f"'{spec.name}' is no plain layer ({spec.kind})"
        else:
            continue
        remedy = "a plain chain of layers, or ReLU and batch normalisation"
        yield _Lack(spec.name, found, remedy)


def _normalization(specs: Sequence[LayerSpec]) -> Iterator[_Lack]:
    first = first_weighted(specs)
    behind = list(specs)[list(specs).index(first) + 1 :] if first is not None else []
    for spec in behind:
        if spec.kind in _NORMALIZATION:
            yield _Lack(
                spec.name,
                f"'{spec.name}' normalises what SELU normalises already",
                f"the model without '{spec.name}'",
            )


def _penalty(specs: Sequence[LayerSpec]) -> Iterator[_Lack]:
    for spec in hidden_specs(specs):
        if spec.l1 or spec.l2:
            yield _Lack(
                spec.name,
                f"the penalty of '{spec.name}' (l1={spec.l1:g}, l2={spec.l2:g}) "
                "shrinks the weights, and with them the variance",
                f"{_selu(spec)} without `kernel_regularizer`",
            )


def _constraint(specs: Sequence[LayerSpec]) -> Iterator[_Lack]:
    for spec in hidden_specs(specs):
        if spec.constraint:
            yield _Lack(
                spec.name,
                f"'{spec.name}' holds its weights at a norm ({spec.constraint})",
                f"{_selu(spec)} without `kernel_constraint`",
            )


_RULES: dict[str, Callable[[Sequence[LayerSpec]], Iterator[_Lack]]] = {
    "activation": _activation,
    "initialization": _initialization,
    "architecture": _architecture,
    "dropout": _dropout,
    "normalization": _normalization,
    "penalty": _penalty,
    "constraint": _constraint,
}
_HOLDS = {
    "activation": "all hidden layers have SELU",
    "initialization": "all kernels before SELU are as wide as LeCun's",
    "architecture": "the layers are a plain chain",
    "dropout": "no dropout but AlphaDropout",
    "normalization": "no normalisation between the layers",
    "penalty": "no l1 or l2 penalty on hidden kernels",
    "constraint": "no constraint on hidden kernels",
}
