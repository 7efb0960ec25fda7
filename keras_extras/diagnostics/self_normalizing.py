"""What a network of SELU units needs to keep mean 0 and standard deviation 1.

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
from keras_extras.diagnostics.structure import Part

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


def conditions(parts: Sequence[Part]) -> list[Condition]:
    """Returns all that can be told from the layers, in the order of importance."""
    return [condition(name, parts) for name in _RULES]


def condition(name: str, parts: Sequence[Part]) -> Condition:
    """Returns one condition by name, as in `Condition`."""
    if name == "architecture" and not _is_known(parts):
        return Condition(name, None, None, "how the layers are linked is not known", "")
    lacks = list(_RULES[name](parts))
    if not lacks:
        return Condition(name, True, None, _HOLDS[name], "")
    more = f", and {len(lacks) - 1} more" if len(lacks) > 1 else ""
    first = lacks[0]
    return Condition(name, False, first.layer, first.found + more, first.remedy)


def first_weighted(parts: Sequence[Part]) -> Part | None:
    """Returns the first layer that has a kernel."""
    return next((part for part in parts if _has_kernel(part)), None)


def hidden_parts(parts: Sequence[Part]) -> list[Part]:
    """Returns the layers with a kernel after which there is another one."""
    weighted = [part for part in parts if _has_kernel(part)]
    if not _is_known(parts):
        return weighted[:-1]
    return [p for p in weighted if any(_has_kernel(f) for f in _all_after(p, parts))]


def activation_of(part: Part, parts: Sequence[Part]) -> str:
    """Returns the activation of a layer, which may be a layer of its own."""
    if part.activation not in (None, "linear"):
        return str(part.activation)
    followers = _after(part, parts)
    while len(followers) == 1 and not _has_kernel(followers[0]):
        if followers[0].activation is not None:
            return followers[0].activation
        followers = _after(followers[0], parts)
    return "linear"


def _has_kernel(part: Part) -> bool:
    return part.kind.startswith(_WEIGHTED) and part.weights > 0


def _is_known(parts: Sequence[Part]) -> bool:
    return all(part.inputs is not None and "" not in part.inputs for part in parts)


def _after(part: Part, parts: Sequence[Part]) -> list[Part]:
    if _is_known(parts):
        return [p for p in parts if part.name in (p.inputs or ())]
    place = list(parts).index(part) + 1
    return list(parts[place : place + 1])


def _all_after(part: Part, parts: Sequence[Part]) -> list[Part]:
    found: dict[str, Part] = {}
    waiting = _after(part, parts)
    while waiting:
        follower = waiting.pop()
        if follower.name not in found:
            found[follower.name] = follower
            waiting += _after(follower, parts)
    return list(found.values())


def _selu(part: Part) -> str:
    return f'`{part.head}, activation="selu", kernel_initializer="lecun_normal")`'


def _activation(parts: Sequence[Part]) -> Iterator[_Lack]:
    hidden = hidden_parts(parts)
    if not hidden:
        yield _Lack(None, "the model has no hidden layer", "")
    for part in hidden:
        activation = activation_of(part, parts)
        if activation != "selu":
            yield _Lack(part.name, f"'{part.name}' has {activation}", _selu(part))


def _initialization(parts: Sequence[Part]) -> Iterator[_Lack]:
    for part in parts:
        made = (part.kernel.initializer if part.kernel else None) or ""
        if not made or made.startswith("Lecun"):
            continue
        if activation_of(part, parts) != "selu" or _is_as_wide(part):
            continue
        yield _Lack(
            part.name,
            f"'{part.name}' has {made} instead of LeCun's initialisation",
            _selu(part),
        )


def _is_as_wide(part: Part) -> bool:
    kernel = part.kernel
    if kernel is None:
        return False
    return abs(kernel.rms * math.sqrt(kernel.fan_in) - 1.0) < _AS_WIDE


def _dropout(parts: Sequence[Part]) -> Iterator[_Lack]:
    for part in parts:
        if part.kind.startswith(_DROPOUT) and part.rate > 0.0:
            yield _Lack(
                part.name,
                "plain dropout shifts mean and variance, AlphaDropout does not",
                f"`keras.layers.AlphaDropout({part.rate:g})` instead of '{part.name}'",
            )


def _architecture(parts: Sequence[Part]) -> Iterator[_Lack]:
    for part in parts:
        if len(part.inputs or ()) > 1 or part.kind.startswith(_MERGES):
            found = f"'{part.name}' joins several paths"
        elif part.kind.startswith((*_LOOPS, *_ATTENTION)):
            found = f"'{part.name}' is no plain layer ({part.kind})"
        else:
            continue
        remedy = "a plain chain of layers, or ReLU and batch normalisation"
        yield _Lack(part.name, found, remedy)


def _normalization(parts: Sequence[Part]) -> Iterator[_Lack]:
    first = first_weighted(parts)
    behind = list(parts)[list(parts).index(first) + 1 :] if first is not None else []
    for part in behind:
        if part.kind in _NORMALIZATION:
            yield _Lack(
                part.name,
                f"'{part.name}' normalises what SELU normalises already",
                f"the model without '{part.name}'",
            )


def _penalty(parts: Sequence[Part]) -> Iterator[_Lack]:
    for part in hidden_parts(parts):
        if part.l1 or part.l2:
            yield _Lack(
                part.name,
                f"the penalty of '{part.name}' (l1={part.l1:g}, l2={part.l2:g}) "
                "shrinks the weights, and with them the variance",
                f"{_selu(part)} without `kernel_regularizer`",
            )


def _constraint(parts: Sequence[Part]) -> Iterator[_Lack]:
    for part in hidden_parts(parts):
        if part.constraint:
            yield _Lack(
                part.name,
                f"'{part.name}' holds its weights at a norm ({part.constraint})",
                f"{_selu(part)} without `kernel_constraint`",
            )


_RULES: dict[str, Callable[[Sequence[Part]], Iterator[_Lack]]] = {
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
