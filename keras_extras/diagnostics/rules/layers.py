"""Whether the layers are such that a training can go well."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.neighbours import reconstructs
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import if_poor
from keras_extras.diagnostics.rules.common import total
from keras_extras.diagnostics.rules.common import unless_excellent
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.self_normalizing import condition
from keras_extras.diagnostics.structure import Kernel
from keras_extras.diagnostics.structure import Part
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.finding import Finding

_LINEAR = (None, "linear")
_RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu", "swish", "relu6", "selu")
_BOUNDED = ("sigmoid", "tanh", "softmax", "softplus", "softsign", "hard_sigmoid")
_WEIGHTED = ("Dense", "Conv1D", "Conv2D", "Conv3D")
# What leaves two linear layers one linear function.
_PASSES = (
    "Flatten",
    "Reshape",
    "Dropout",
    "AveragePooling1D",
    "AveragePooling2D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "ZeroPadding2D",
    "Permute",
)
_MAXIMA = ("MaxPooling1D", "MaxPooling2D")
# What is worth advice in any training; the rest is for those who ask.
_SELU_NEEDS = ("initialization", "dropout")


def hidden_activation(seen: Observations) -> Iterator[Finding]:
    """A hidden layer has softmax, or layers have no activation function between them.

    A layer without one is normal where another layer follows that bends its output,
    where values are added or compared, and as a bottleneck; so only a linear layer
    right before another one counts, in a graph that is known.

    References:
        NeuraLint (Nikanjam et al., 2021); UMLAUT (Schoop et al., 2021), "hidden layer
        linear"; TheDeepChecker's programs with softmax inside.
    """
    ends, good = _ends(seen.structure), seen.outcome.is_good
    for part in seen.structure.parts:
        if part.name in ends or part.kind not in (*_WEIGHTED, "Softmax", "Activation"):
            continue
        follower = _next_with_weights(seen.structure, part, (*_PASSES, *_MAXIMA))
        if part.activation == "softmax" and follower is not None:
            yield whole(
                seen,
                "hidden-activation",
                # The code of an autoencoder may be a choice.
                (if_poor if reconstructs(seen) else unless_excellent)(
                    seen, "warning" if good else "error"
                ),
                part.name,
                f"softmax in '{part.name}' makes its units compete for a sum of 1, so "
                "little of a gradient passes",
                f'Keep softmax for the last layer: `{part.head}, activation="relu", '
                'kernel_initializer="he_normal")`.',
                0.9,
            )
        if part.activation == "exponential" and follower is not None:
            yield whole(
                seen,
                "hidden-activation",
                unless_excellent(seen),
                part.name,
                f"'{part.name}' raises e to what it gets: small changes before it are "
                "large ones after it",
                f'`{part.head}, activation="relu", kernel_initializer="he_normal")`.',
                0.8,
            )
    yield from _linear_layers(seen)


def _next_with_weights(
    structure: Structure, part: Part, between: tuple[str, ...]
) -> Part | None:
    """Returns the layer with weights that takes the output of `part`, if any.

    Args:
        structure: The model.
        part: One of its layers.
        between: Kinds of layers that may come between the two.
    """
    followers = structure.after(part.name)
    while len(followers) == 1 and len(followers[0].inputs or ()) == 1:
        follower = followers[0]
        if follower.kind in _WEIGHTED:
            return follower
        if follower.kind not in between:
            return None
        followers = structure.after(follower.name)
    return None


def _linear_layers(seen: Observations) -> Iterator[Finding]:
    structure = seen.structure
    found = []
    for part in structure.parts:
        if part.kind not in _WEIGHTED or part.activation not in _LINEAR:
            continue
        follower = _next_with_weights(structure, part, _PASSES)
        if follower is not None and not _is_bottleneck(part, follower):
            found.append(part)
    if not found:
        return
    bends = [
        p
        for p in structure.parts
        if p.activation not in _LINEAR and p.name not in _ends(structure)
    ]
    names = ", ".join(f"'{p.name}'" for p in found[:3])
    alone = not bends and not reconstructs(seen)  # what PCA does, otherwise
    part = found[0]
    yield whole(
        seen,
        "hidden-activation",
        unless_good(seen) if alone else if_poor(seen),
        part.name,
        f"{names} {'has' if len(found) == 1 else 'have'} no activation function: with "
        "the layer that follows it is one linear function"
        + (", and so is the whole model" if alone else ""),
        f'Give it one: `{part.head}, activation="relu", '
        'kernel_initializer="he_normal")`.',
        0.9 if alone else 0.75,
    )


def _ends(structure: Structure) -> set[str | None]:
    return {output.layer for output in structure.outputs}


def _is_bottleneck(part: Part, follower: Part) -> bool:
    here, there = part.kernel, follower.kernel
    if here is None or there is None:
        return True
    return here.units < here.fan_in and here.units < there.units


def bad_initialization(seen: Observations) -> Iterator[Finding]:
    """Weights start alike, or far larger or smaller than keeps a signal's scale.

    Units that start with the same weights get the same gradient and stay alike. The
    scale is compared with that of He et al., and nothing is said of layers that were
    trained before.

    References:
        Glorot & Bengio (2010); He et al. (2015), "Delving deep into rectifiers";
        TheDeepChecker's test of the initial weights.
    """
    if not seen.structure.fresh:
        return
    ends = _ends(seen.structure)
    for part in seen.structure.parts:
        kernel = part.kernel
        if kernel is None or not part.trainable or part.kind == "Embedding":
            continue
        if part.reused:
            continue
        last = part.name in ends
        if kernel.alike and not last and not _is_gate(seen.structure, part):
            yield _alike(seen, part, kernel)
            return
        if any("Norm" in p.kind for p in seen.structure.after(part.name)):
            continue  # the scale is undone
        if part.activation not in (*_LINEAR, *_RECTIFIERS, *_BOUNDED):
            continue  # a sine, say, wants another one
        ratio = kernel.rms * np.sqrt(kernel.fan_in / 2.0)
        too_large = ratio > 4.0 and kernel.rms > 0.3
        too_small = 0.0 < ratio < 0.1 and not last and seen.outcome.is_poor
        if too_large or too_small:
            yield _scale(seen, part, kernel, float(ratio))
            return
    yield from _fading_signal(seen)


def _fading_signal(seen: Observations) -> Iterator[Finding]:
    """Every layer starts a little too small or too large, and there are many."""
    structure = seen.structure
    if not seen.outcome.is_wanting or any("Norm" in p.kind for p in structure.parts):
        return
    gains = []
    for part in structure.parts:
        own = part.kernel is not None and not part.reused
        if part.kernel is not None and own and part.name not in _ends(structure):
            usual = 2.0 if part.activation in _RECTIFIERS else 1.0
            gains.append(part.kernel.rms * np.sqrt(part.kernel.fan_in / usual))
    if len(gains) < 3 or 0.0 in gains or abs(np.sum(np.log10(gains))) < 3.0:
        return
    first = next(p for p in structure.parts if p.kernel is not None)
    assert first.kernel is not None
    yield whole(
        seen,
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


def _is_gate(structure: Structure, part: Part) -> bool:
    """Whether the output is added to, or multiplied with, that of other layers.

    Such a branch often starts at 0 on purpose, and opens during the training.
    """
    if part.inputs is None:
        return False
    followers = structure.after(part.name)
    for _ in structure.parts:  # no further, for a layer may follow itself
        if len(followers) != 1 or followers[0].kernel or _merges(followers[0]):
            break
        followers = structure.after(followers[0].name)
    return not followers or any(_merges(follower) for follower in followers)


def _merges(part: Part) -> bool:
    return len(part.inputs or ()) > 1 or part.kind in ("Add", "Multiply")


def _alike(seen: Observations, part: Part, kernel: Kernel) -> Finding:
    severity = unless_good(seen, "error")
    alike = [
        p
        for p in seen.structure.parts
        if p.kernel is not None and p.kernel.alike and not _is_gate(seen.structure, p)
    ]
    # The units of one such layer come to differ if those after it do.
    if severity == "info" and len(alike) > 1:
        severity = unless_excellent(seen)
    return whole(
        seen,
        "bad-initialization",
        severity,
        part.name,
        f"all {kernel.units} units of '{part.name}' start with the same weights "
        f"({kernel.initializer}), get the same gradient and stay alike",
        f"Let chance tell them apart: `{_initialised(part)}`.",
        0.95,
    )


def _scale(seen: Observations, part: Part, kernel: Kernel, ratio: float) -> Finding:
    return whole(
        seen,
        "bad-initialization",
        unless_good(seen),
        part.name,
        f"the weights of '{part.name}' start with a root mean square of "
        f"{kernel.rms:.2g}, {ratio:.2g} times what keeps the scale of a signal from "
        f"{kernel.fan_in} inputs (limits 0.1 and 4; {kernel.initializer})",
        f"Start from what suits the activation: `{_initialised(part)}`.",
        0.85,
    )


def _initialised(part: Part) -> str:
    """Returns a layer as code, with the initialisation that suits its activation."""
    activation = part.activation or "linear"
    name = "glorot_uniform"
    if activation in _RECTIFIERS:
        name = "lecun_normal" if activation == "selu" else "he_normal"
    code = "" if activation == "linear" else f'activation="{activation}", '
    return f'{part.head}, {code}kernel_initializer="{name}")'


def self_normalization(seen: Observations) -> Iterator[Finding]:
    """SELU without what it takes to normalise itself: advice.

    References:
        Klambauer et al. (2017), "Self-normalizing neural networks": LeCun's
        initialisation, standardised inputs, plain layers, alpha dropout.
    """
    parts = [p for p in seen.structure.parts if p.activation == "selu"]
    if not parts:
        return
    known = [condition(name, seen.structure.parts) for name in _SELU_NEEDS]
    lacks = [needed for needed in known if needed.holds is False]
    if lacks:
        yield whole(
            seen,
            "bad-initialization",
            "info",
            parts[0].name,
            "SELU keeps mean and variance under conditions: "
            + "; ".join(needed.found for needed in lacks),
            f"`{_initialised(parts[0])}`, `AlphaDropout`, and standardised inputs.",
            0.7,
        )


def _has_shrunk(seen: Observations, share: float) -> bool:
    """Whether the weights are below a share of what they were at the start."""
    norms = total(seen, "weight_norm")
    return bool(len(norms) and norms[-1] < share * norms[0])


def _penalty_rules(seen: Observations) -> bool:
    """Whether penalties are most of the loss to the end, at the cost of the data."""
    outcome = seen.outcome
    first = outcome.first_penalty > 3.0 * outcome.first
    last = outcome.penalty > 3.0 * outcome.last and outcome.skill < 0.75
    return bool(first and last and _has_shrunk(seen, 0.5))


def over_regularized(seen: Observations) -> Iterator[Finding]:
    """Penalties weigh more than the data, or dropout leaves next to nothing.

    References:
        TheDeepChecker, "regularisation overwhelms"; Srivastava et al. (2014),
        "Dropout", whose rates reach from 0.2 to 0.8.
    """
    outcome = seen.outcome
    strongest = max(
        (p for p in seen.structure.parts if p.l1 or p.l2),
        key=lambda p: max(p.l1, p.l2),
        default=None,
    )
    # At the start, for weights that a large rate has blown up have large penalties.
    share = outcome.first_penalty / max(outcome.first + outcome.first_penalty, 1e-12)
    limit = 0.4 if outcome.is_poor else 0.75
    fails = outcome.is_poor or (outcome.skill < 0.6 and _has_shrunk(seen, 0.85))
    fails |= _penalty_rules(seen)
    if strongest is not None and share > limit and fails:
        kind = "l1" if strongest.l1 > strongest.l2 else "l2"
        value = max(strongest.l1, strongest.l2)
        yield whole(
            seen,
            "over-regularized",
            "info"
            if not outcome.is_known
            else "error"
            if share > 0.8 and not outcome.is_good
            else "warning",
            strongest.name,
            f"penalties make up {share:.0%} of the first loss (limit {limit:.0%}), and "
            f"the rest of it has not come down as it should; the strongest is {kind}="
            f"{value:g}",
            f"Divide it by 100: `kernel_regularizer=keras.regularizers."
            f"{kind.upper()}({value / 100:g})`.",
            0.85,
        )
    if not seen.outcome.is_wanting:
        return
    decay = seen.structure.settings.get("weight_decay", 0.0)
    rates_used = seen.statistics.get("learning_rate", np.empty(0))
    rate = float(np.max(rates_used, initial=0.0))
    if decay * rate > 0.01:
        yield whole(
            seen,
            "over-regularized",
            "warning",
            None,
            f"weight decay of {decay:g} at a learning rate of {rate:g} takes "
            f"{decay * rate:.0%} off the weights in every step (usual 1e-6 to 1e-4)",
            f"Divide it by 1000: `weight_decay={decay / 1000:g}`.",
            0.85,
        )
    rates = [(p.rate, p.name) for p in seen.structure.parts if "Dropout" in p.kind]
    rate, name = max(rates, default=(0.0, ""))
    if rate > 0.8:
        yield whole(
            seen,
            "over-regularized",
            "warning",
            name,
            f"'{name}' drops {rate:.0%} of its inputs (usual 10 to 50 %)",
            "Lower the rate: `Dropout(0.3)`.",
            0.8,
        )
