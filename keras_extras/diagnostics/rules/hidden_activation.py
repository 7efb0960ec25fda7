"""The rule: a hidden layer has softmax, or none of its layers bends anything."""

from __future__ import annotations

from collections.abc import Iterator

from keras_extras.diagnostics.neighbours import reconstructs
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import if_poor
from keras_extras.diagnostics.rules.common import unless_excellent
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.structure import LINEAR
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.finding import Finding

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


def hidden_activation(observations: Observations) -> Iterator[Finding]:
    """A hidden layer has softmax, or layers have no activation function between them.

    A layer without one is normal where another layer follows that bends its output,
    where values are added or compared, and as a bottleneck; so only a linear layer
    right before another one counts, in a graph that is known.

    References:
        NeuraLint (Nikanjam et al., 2021); UMLAUT (Schoop et al., 2021), "hidden layer
        linear"; TheDeepChecker's programs with softmax inside.
    """
    ends, good = observations.structure.last_layers, observations.outcome.is_good
    for spec in observations.structure.layers:
        if spec.name in ends or spec.kind not in (*_WEIGHTED, "Softmax", "Activation"):
            continue
        follower = _next_with_weights(
            observations.structure, spec, (*_PASSES, *_MAXIMA)
        )
        if spec.activation == "softmax" and follower is not None:
            yield whole(
                observations,
                "hidden-activation",
                # The code of an autoencoder may be a choice.
                (if_poor if reconstructs(observations) else unless_excellent)(
                    observations, "warning" if good else "error"
                ),
                spec.name,
                f"softmax in '{spec.name}' makes its units compete for a sum of 1, so "
                "little of a gradient passes",
                f'Keep softmax for the last layer: `{spec.head}, activation="relu", '
                'kernel_initializer="he_normal")`.',
                0.9,
            )
        if spec.activation == "exponential" and follower is not None:
            yield whole(
                observations,
                "hidden-activation",
                unless_excellent(observations),
                spec.name,
                f"'{spec.name}' has an exponential activation: small changes before "
                "it are large ones after it",
                f'`{spec.head}, activation="relu", kernel_initializer="he_normal")`.',
                0.8,
            )
    yield from _linear_layers(observations)


def _next_with_weights(
    structure: Structure, spec: LayerSpec, between: tuple[str, ...]
) -> LayerSpec | None:
    """Returns the layer with weights that takes the output of `spec`, if any.

    Args:
        structure: The model.
        spec: One of its layers.
        between: Kinds of layers that may come between the two.
    """
    followers = structure.after(spec.name)
    while len(followers) == 1 and len(followers[0].inputs or ()) == 1:
        follower = followers[0]
        if follower.kind in _WEIGHTED:
            return follower
        if follower.kind not in between:
            return None
        followers = structure.after(follower.name)
    return None


def _linear_layers(observations: Observations) -> Iterator[Finding]:
    structure = observations.structure
    found = []
    for spec in structure.layers:
        if spec.kind not in _WEIGHTED or spec.activation not in LINEAR:
            continue
        follower = _next_with_weights(structure, spec, _PASSES)
        if follower is not None and not _is_bottleneck(spec, follower):
            found.append(spec)
    if not found:
        return
    bends = [
        p
        for p in structure.layers
        if p.activation not in LINEAR and p.name not in structure.last_layers
    ]
    names = ", ".join(f"'{p.name}'" for p in found[:3])
    alone = not bends and not reconstructs(observations)  # what PCA does, otherwise
    spec = found[0]
    yield whole(
        observations,
        "hidden-activation",
        unless_good(observations) if alone else if_poor(observations),
        spec.name,
        f"{names} {'has' if len(found) == 1 else 'have'} no activation function: with "
        "the layer that follows it is one linear function"
        + (", and so is the whole model" if alone else ""),
        f'Give it one: `{spec.head}, activation="relu", '
        'kernel_initializer="he_normal")`.',
        0.9 if alone else 0.75,
    )


def _is_bottleneck(spec: LayerSpec, follower: LayerSpec) -> bool:
    here, there = spec.kernel, follower.kernel
    if here is None or there is None:
        return True
    return here.units < here.fan_in and here.units < there.units
