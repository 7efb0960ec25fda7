"""The rules: weights start alike or at a wrong scale; SELU lacks what it needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import unless_excellent
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.self_normalizing import condition
from keras_extras.diagnostics.structure import LINEAR
from keras_extras.diagnostics.structure import Kernel
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.finding import Finding

_RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu", "swish", "relu6", "selu")


_BOUNDED = ("sigmoid", "tanh", "softmax", "softplus", "softsign", "hard_sigmoid")


# What is worth advice in any training; the rest is for those who ask.
_SELU_NEEDS = ("initialization", "dropout")


def bad_initialization(observations: Observations) -> Iterator[Finding]:
    """Weights start alike, or far larger or smaller than keeps a signal's scale.

    Units that start with the same weights get the same gradient and stay identical. The
    scale is compared with that of He et al., and nothing is said of layers that were
    trained before.

    References:
        Glorot & Bengio (2010); He et al. (2015), "Delving deep into rectifiers";
        TheDeepChecker's test of the initial weights.
    """
    if not observations.structure.fresh:
        return
    ends = observations.structure.last_layers
    for spec in observations.structure.layers:
        kernel = spec.kernel
        if kernel is None or not spec.trainable or spec.kind == "Embedding":
            continue
        if spec.reused:
            continue
        last = spec.name in ends
        if kernel.alike and not last and not _is_gate(observations.structure, spec):
            yield _alike(observations, spec, kernel)
            return
        if any("Norm" in p.kind for p in observations.structure.after(spec.name)):
            continue  # the scale is undone
        if spec.activation not in (*LINEAR, *_RECTIFIERS, *_BOUNDED):
            continue  # a sine, say, wants another one
        ratio = kernel.rms * np.sqrt(kernel.fan_in / 2.0)
        too_large = ratio > 4.0 and kernel.rms > 0.3
        # Glorot's scale counts the outputs too: of few inputs it is small, and right.
        glorot = (kernel.initializer or "").startswith("Glorot")
        too_small = 0.0 < ratio < 0.1 and not (last or glorot)
        too_small &= observations.outcome.is_poor
        if too_large or too_small:
            yield _scale(observations, spec, kernel, float(ratio))
            return
    yield from _fading_signal(observations)


def _fading_signal(observations: Observations) -> Iterator[Finding]:
    """Every layer starts a little too small or too large, and there are many."""
    structure = observations.structure
    if not observations.outcome.is_wanting or any(
        "Norm" in p.kind for p in structure.layers
    ):
        return
    gains = []
    for spec in structure.layers:
        own = spec.kernel is not None and not spec.reused
        if spec.kernel is not None and own and spec.name not in structure.last_layers:
            usual = 2.0 if spec.activation in _RECTIFIERS else 1.0
            gains.append(spec.kernel.rms * np.sqrt(spec.kernel.fan_in / usual))
    if len(gains) < 3 or 0.0 in gains or abs(np.sum(np.log10(gains))) < 3.0:
        return
    first = next(p for p in structure.layers if p.kernel is not None)
    assert first.kernel is not None
    yield whole(
        observations,
        "bad-initialization",
        "error",
        first.name,
        f"{len(gains)} layers change the scale of a signal by "
        f"{np.prod(gains):.1e} together at the start (limits 1e-3 and 1e3); "
        f"'{first.name}' has {first.kernel.initializer}",
        f"In all layers, start from what suits the activation: "
        f"`{_initialised(first)}`.",
        0.85,
    )


def _is_gate(structure: Structure, spec: LayerSpec) -> bool:
    """Returns whether the output is added to, or multiplied with, that of other layers.

    Such a branch often starts at 0 on purpose, and opens during the training.
    """
    if spec.inputs is None:
        return False
    followers = structure.after(spec.name)
    for _ in structure.layers:  # no further, for a layer may follow itself
        if len(followers) != 1 or followers[0].kernel or _merges(followers[0]):
            break
        followers = structure.after(followers[0].name)
    return not followers or any(_merges(follower) for follower in followers)


def _merges(spec: LayerSpec) -> bool:
    return len(spec.inputs or ()) > 1 or spec.kind in ("Add", "Multiply")


def _alike(observations: Observations, spec: LayerSpec, kernel: Kernel) -> Finding:
    severity = unless_good(observations, "error")
    alike = [
        p
        for p in observations.structure.layers
        if p.kernel is not None
        and p.kernel.alike
        and not _is_gate(observations.structure, p)
    ]
    # The units of one such layer come to differ if those after it do.
    if severity == "info" and len(alike) > 1:
        severity = unless_excellent(observations)
    return whole(
        observations,
        "bad-initialization",
        severity,
        spec.name,
        f"all {kernel.units} units of '{spec.name}' start with the same weights "
        f"({kernel.initializer}), get the same gradient and stay identical",
        f"Use a random initialiser: `{_initialised(spec)}`.",
        0.95,
    )


def _scale(
    observations: Observations, spec: LayerSpec, kernel: Kernel, ratio: float
) -> Finding:
    return whole(
        observations,
        "bad-initialization",
        unless_good(observations),
        spec.name,
        f"the weights of '{spec.name}' start with a root mean square of "
        f"{kernel.rms:.2g}, {ratio:.2g} times what keeps the scale of a signal from "
        f"{kernel.fan_in} inputs (limits 0.1 and 4; {kernel.initializer})",
        f"Start from what suits the activation: `{_initialised(spec)}`.",
        0.85,
    )


def _initialised(spec: LayerSpec) -> str:
    """Returns a layer as code, with the initialisation that suits its activation."""
    activation = spec.activation or "linear"
    name = "glorot_uniform"
    if activation in _RECTIFIERS:
        name = "lecun_normal" if activation == "selu" else "he_normal"
    code = "" if activation == "linear" else f'activation="{activation}", '
    return f'{spec.head}, {code}kernel_initializer="{name}")'


def self_normalization(observations: Observations) -> Iterator[Finding]:
    """SELU without what it takes to normalise itself: advice.

    References:
        Klambauer et al. (2017), "Self-normalizing neural networks": LeCun's
        initialisation, standardised inputs, plain layers, alpha dropout.
    """
    specs = [p for p in observations.structure.layers if p.activation == "selu"]
    if not specs:
        return
    known = [condition(name, observations.structure.layers) for name in _SELU_NEEDS]
    lacks = [needed for needed in known if needed.holds is False]
    if lacks:
        yield whole(
            observations,
            "bad-initialization",
            "info",
            specs[0].name,
            "SELU keeps mean and variance under conditions: "
            + "; ".join(needed.found for needed in lacks),
            f"`{_initialised(specs[0])}`, `AlphaDropout`, and standardised inputs.",
            0.7,
        )
