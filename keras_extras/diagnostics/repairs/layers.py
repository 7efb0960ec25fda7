"""Repairs of hidden layers: activation, initialisation, penalties, dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repairs.changes import RECTIFIERS
from keras_extras.diagnostics.repairs.changes import initializer_for
from keras_extras.diagnostics.repairs.changes import is_gate
from keras_extras.diagnostics.repairs.changes import is_loop
from keras_extras.diagnostics.repairs.changes import is_plain
from keras_extras.diagnostics.repairs.changes import is_weighted
from keras_extras.diagnostics.repairs.changes import learning_rate_of
from keras_extras.diagnostics.repairs.changes import with_activation
from keras_extras.diagnostics.repairs.rates import clip
from keras_extras.diagnostics.repairs.rates import lower_decay
from keras_extras.diagnostics.repairs.rates import usual_rate
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.records.finding import Finding
from keras_extras.records.repair import Repair

# Flat on both sides: a gradient that goes through several of them fades.
_FADING = ("sigmoid", "tanh", "softmax", "hard_sigmoid", "softsign", "exponential")
_SLOW = ("sigmoid", "softmax", "hard_sigmoid")
_LARGEST_PENALTY = 1e-3
_DROPPED = 0.2


def other_activation(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Gives the layers that findings name, or that are one with them, ReLU."""
    structure = observations.structure
    named = [structure.layer(f.layer) for f in same]
    specs = [spec for spec in named if spec is not None]
    if any(spec.activation in (None, "linear") for spec in specs):
        specs = [
            spec
            for spec in structure.layers
            if spec in specs
            or (is_plain(observations, spec) and _is_bare(observations, spec))
        ]
    changes = with_activation(specs, "relu")
    return _of_layers("activation", finding.layer, changes)


def _is_bare(observations: Observations, spec: LayerSpec) -> bool:
    """Returns whether a layer is linear, and so is all up to the next weights."""
    after = observations.structure.after(spec.name)
    plain = ("Flatten", "Reshape", "Dropout", "GlobalAveragePooling")
    while len(after) == 1 and after[0].kind.startswith(plain):
        after = observations.structure.after(after[0].name)
    linear = spec.activation in (None, "linear") and is_weighted(spec)
    return linear and len(after) == 1 and is_weighted(after[0])


def let_gradients_pass(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Repairs gradients that vanish, by what it is that lets them fade."""
    specs = [s for s in observations.structure.layers if is_plain(observations, s)]
    fading = _fading(observations)
    if fading:
        changes = with_activation(fading, "relu")
        return _of_layers("activation", fading[0].name, changes)
    loops = [s for s in specs if s.kind == "SimpleRNN"]
    if loops:
        changes = {s.name: {"class_name": "GRU"} for s in loops}
        return _of_layers("layer", loops[0].name, changes)
    return start_right(finding, same, observations)


def revive(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Gives ReLU layers a slope below 0 and new weights, and lowers a high rate."""
    changes: dict[str, dict[str, Any]] = {}
    for spec in observations.structure.layers:
        if is_plain(observations, spec) and spec.activation in ("relu", "relu6"):
            changes |= _with_slope(observations, spec)
    repair = _of_layers("activation", finding.layer, changes)
    rate, usual = learning_rate_of(observations), usual_rate(observations)
    if np.isfinite(rate) and rate > 3.0 * usual:
        value = {"optimizer": {"learning_rate": usual}}
        if repair is None:
            return Repair("learning-rate", None, value)
        return Repair("activation", repair.layer, {**repair.value, **value})
    return repair


def _with_slope(
    observations: Observations, spec: LayerSpec
) -> dict[str, dict[str, Any]]:
    """Returns the changes that let units of a layer get up again."""
    if is_weighted(spec):
        return with_activation([spec], "leaky_relu", anew=True)
    slope: dict[str, Any] = {"activation": "leaky_relu"}
    if spec.kind == "ReLU":
        slope = {"class_name": "LeakyReLU"}
    changes = {spec.name: slope}
    for name in spec.inputs or ():
        before = observations.structure.layer(name)
        if before is not None and is_weighted(before) and before.trainable:
            changes[name] = {
                "kernel_initializer": "he_normal",
                "bias_initializer": "zeros",
            }
    return changes


def _fading(observations: Observations) -> list[LayerSpec]:
    """Returns the hidden layers whose activation is flat on both sides."""
    return [
        spec
        for spec in observations.structure.layers
        if (is_weighted(spec) or spec.kind == "Activation")
        and spec.activation in _FADING
        and is_plain(observations, spec)
        and not is_gate(observations, spec)
    ]


def desaturate(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Takes units out of the flat parts of their activation function."""
    structure = observations.structure
    specs = [s for s in structure.layers if is_plain(observations, s)]
    named = structure.layer(finding.layer)
    if named is not None and is_loop(named):
        changes: dict[str, dict[str, Any]] = {
            s.name: {
                "kernel_initializer": "glorot_uniform",
                "recurrent_initializer": "orthogonal",
                "bias_initializer": "zeros",
            }
            for s in specs
            if is_loop(s)
        }
        return _of_layers("initializer", named.name, changes)
    changes = with_activation(_fading(observations), "relu", anew=True)
    return _of_layers("activation", finding.layer, changes)


def start_right(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Gives every layer the initialisation that suits its activation."""
    if finding.severity == "info" and finding.code == "bad-initialization":
        return _for_selu(finding, observations)
    structure = observations.structure
    changes: dict[str, dict[str, Any]] = {}
    for spec in structure.layers:
        if spec.kernel is None or not spec.trainable or spec.reused:
            continue
        if not (is_weighted(spec) or is_loop(spec)):
            continue
        ratio = spec.kernel.rms * np.sqrt(spec.kernel.fan_in / 2.0)
        is_off = spec.kernel.alike or not 0.1 < ratio < 4.0
        # However they start, sigmoids let little of a gradient pass.
        slow = spec.activation in _SLOW and spec in _fading(observations)
        if slow and is_weighted(spec):
            changes |= with_activation([spec], "relu", anew=True)
            continue
        if is_off or spec.name == finding.layer or spec.activation in RECTIFIERS:
            changes[spec.name] = {
                "kernel_initializer": initializer_for(spec.activation),
                "bias_initializer": "zeros",
            }
            if is_loop(spec):
                changes[spec.name]["recurrent_initializer"] = "orthogonal"
    return _of_layers("initializer", finding.layer, changes)


def _for_selu(finding: Finding, observations: Observations) -> Repair | None:
    specs = [s for s in observations.structure.layers if s.activation == "selu"]
    changes: dict[str, dict[str, Any]] = {
        s.name: {"kernel_initializer": "lecun_normal"} for s in specs
    }
    for spec in observations.structure.layers if specs else ():
        if spec.kind == "Dropout":
            changes[spec.name] = {"class_name": "AlphaDropout"}
    return _of_layers("initializer", finding.layer, changes)


def loosen(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Weakens what holds the weights: the penalty, dropout or weight decay."""
    spec = observations.structure.layer(finding.layer)
    if spec is None:
        return lower_decay(observations)
    dropped: dict[str, dict[str, Any]] = {
        s.name: {"rate": _DROPPED}
        for s in observations.structure.layers
        if "Dropout" in s.kind and s.rate > 0.5
    }
    if "Dropout" in spec.kind:
        return _of_layers("dropout", spec.name, dropped)
    factor = _factor(observations)
    changes: dict[str, dict[str, Any]] = {}
    for each in observations.structure.layers:
        if each.l1 or each.l2:
            changes[each.name] = {
                f"kernel_{kind}": float(f"{min(v * factor, _LARGEST_PENALTY):.0e}")
                for kind, v in (("l1", each.l1), ("l2", each.l2))
                if v
            }
    return _of_layers("penalty", spec.name, {**changes, **dropped})


def _factor(observations: Observations) -> float:
    """Returns what makes penalties 2 % of the first loss, a hundredth at most."""
    outcome = observations.outcome
    share = outcome.first_penalty / max(outcome.first, 1e-12)
    return min(0.02 / share, 0.01) if np.isfinite(share) and share > 0.0 else 0.01


def try_the_usual(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Returns what most often helps where no cause is known.

    A usual rate, where the present one is another; else layers whose gradients pass.
    """
    rate, usual = learning_rate_of(observations), usual_rate(observations)
    if np.isfinite(rate) and not usual / 5.0 < rate < 5.0 * usual:
        value = {"optimizer": {"learning_rate": usual}}
        return Repair("learning-rate", None, value)
    return let_gradients_pass(finding, same, observations)


def calm(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Clips gradients, and takes away what blows them up where that is known."""
    repair = clip(finding, same, observations)
    changes: dict[str, dict[str, Any]] = {}
    for spec in observations.structure.layers:
        if is_loop(spec) and spec.activation not in ("tanh", "sigmoid"):
            changes[spec.name] = {"activation": "tanh"}
        elif is_weighted(spec) and spec.trainable and _gain(spec) > 4.0:
            initializer = initializer_for(spec.activation)
            changes[spec.name] = {"kernel_initializer": initializer}
    if not changes:
        return repair
    return Repair("clipping", next(iter(changes)), {**repair.value, "layers": changes})


def _gain(spec: LayerSpec) -> float:
    kernel = spec.kernel
    if kernel is None or spec.reused:
        return 0.0
    return kernel.rms * float(np.sqrt(kernel.fan_in / 2.0))


def _of_layers(
    kind: str, layer: str | None, changes: dict[str, dict[str, Any]]
) -> Repair | None:
    if not changes:
        return None
    named = layer if layer in changes and layer else next(iter(changes))
    first = {named: changes[named]}  # which is named where there are many
    return Repair(kind, named, {"layers": first | changes})
