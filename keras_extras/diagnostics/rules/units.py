"""The rules: units of a layer are dead or saturated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import PATIENCE
from keras_extras.diagnostics.rules.common import lasting
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.records.finding import Finding

# The activation functions whose units can stop for good.
DYING = ("relu", "relu6")


def dead_units(observations: Observations) -> Iterator[Finding]:
    """Most ReLU units of a layer are 0 for whole batches.

    Judged on batches that hold at least 16 values per unit: in a small batch a
    healthy unit may well be 0 throughout.

    References:
        Lu et al. (2019), "Dying ReLU and initialization"; SageMaker Debugger's
        DeadRelu and TheDeepChecker's dead activation both take half of the units;
        three quarters here, for sparse layers are healthy.
    """
    enough = observations["activation_values_per_unit"] >= 16
    for index, layer in enumerate(observations.layers):
        if layer.activation not in DYING or _is_frozen(observations, layer.name):
            continue
        kept = observations.at(enough[:, index])
        share = kept["activation_dead_fraction"][:, index]
        yield from _share_of_layer(
            kept,
            "dead-units",
            layer.name,
            share,
            limits=(0.75, 0.95),
            confidences=(0.8, 0.95),
            evidence=f"of the units of '{layer.name}' are 0 for the whole batch (limit "
            "75 %), so they pass no gradient",
            remedy="Use He initialisation with zero biases, a lower learning rate, or "
            'a leaky activation: `Dense(units, activation="leaky_relu", '
            'kernel_initializer="he_normal")`.',
        )


def saturated_activation(observations: Observations) -> Iterator[Finding]:
    """Most outputs of a hidden layer lie where its activation function is flat.

    The last layer is left out: a classifier that is sure saturates rightly.

    References:
        Glorot & Bengio (2010); DeepDiagnosis' and TheDeepChecker's saturation
        rules, which also take half of the values.
    """
    saturated = observations["activation_saturated_fraction"]
    ends = {observations.layers[-1].name} if observations.layers else set()
    ends |= {output.layer for output in observations.structure.outputs if output.layer}
    for index, layer in enumerate(observations.layers):
        if layer.name in ends or _is_frozen(observations, layer.name):
            continue
        yield from _share_of_layer(
            observations,
            "saturated-activation",
            layer.name,
            saturated[:, index],
            limits=(0.5, 0.9),
            confidences=(0.75, 0.9),
            evidence=f"of the outputs of '{layer.name}' lie where {layer.activation} "
            "has at most 1 % of its largest slope (limit 50 %)",
            remedy="Standardise the inputs and use a smaller initialisation or batch "
            'normalisation: `kernel_initializer="glorot_uniform"`, '
            "`BatchNormalization()`.",
        )


def _share_of_layer(
    observations: Observations,
    code: str,
    layer: str,
    share: np.ndarray,
    limits: tuple[float, float],
    confidences: tuple[float, float],
    evidence: str,
    remedy: str,
) -> Iterator[Finding]:
    """Reports a share that lasts above the first limit, louder above the second."""
    span = lasting(observations, share >= limits[0])
    if span is None:
        return
    now = float(np.median(share[-PATIENCE:]))
    severe = now >= limits[1]
    yield Finding(
        code=code,
        # Sparse layers are usual; three quarters of a layer for good are not.
        severity=unless_good(observations, "error" if severe else "warning"),
        layer=layer,
        first_step=span[0],
        last_step=span[1],
        evidence=f"{now:.0%} {evidence}",
        remedy=remedy,
        confidence=confidences[severe],
    )


def _is_frozen(observations: Observations, layer: str) -> bool:
    """Returns whether this training cannot have made the layer what it is."""
    spec = observations.structure.layer(layer)
    return spec is not None and bool(spec.weights) and not spec.trainable
