"""Builds parts of repairs that several kinds need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.structure import LayerSpec

RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu", "swish", "relu6", "selu")
# Layers whose output one activation function bends, with weights of their own.
WEIGHTED = ("Dense", "EinsumDense", "Conv", "SeparableConv", "DepthwiseConv")
LOOPS = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM")


def learning_rate_of(observations: Observations) -> float:
    """Returns the largest rate of the training, NaN if it was not measured."""
    rates = observations.statistics.get("learning_rate", np.empty(0))
    finite = rates[np.isfinite(rates)]
    return float(finite.max()) if len(finite) else np.nan


def is_weighted(spec: LayerSpec) -> bool:
    """Returns whether a layer is dense or convolutional."""
    return spec.kind.startswith(WEIGHTED)


def is_loop(spec: LayerSpec) -> bool:
    """Returns whether a layer is recurrent."""
    return spec.kind.startswith(LOOPS)


def is_plain(observations: Observations, spec: LayerSpec) -> bool:
    """Returns whether a layer trains and makes no output of the model."""
    return spec.trainable and spec.name not in observations.structure.last_layers


def initializer_for(activation: str | None) -> str:
    """Returns the initialisation that keeps the scale of a signal."""
    if activation not in RECTIFIERS:
        return "glorot_uniform"
    return "lecun_normal" if activation == "selu" else "he_normal"


def with_activation(
    specs: Iterable[LayerSpec], activation: str, anew: bool = False
) -> dict[str, dict[str, Any]]:
    """Returns the changes that give layers an activation, and what suits it.

    Args:
        specs: The layers.
        activation: Name of the activation.
        anew: Whether biases start at 0.
    """
    weights = {"kernel_initializer": initializer_for(activation)}
    if anew:
        weights["bias_initializer"] = "zeros"
    return {
        spec.name: {
            "activation": activation,
            **(weights if spec.kernel is not None else {}),
        }
        for spec in specs
    }


def is_gate(observations: Observations, spec: LayerSpec) -> bool:
    """Returns whether a layer decides how much of others passes: it must saturate."""
    after = observations.structure.after(spec.name)
    while len(after) == 1 and after[0].kind in ("Reshape", "Activation", "Permute"):
        after = observations.structure.after(after[0].name)
    return any(follower.kind in ("Multiply", "Dot") for follower in after)
