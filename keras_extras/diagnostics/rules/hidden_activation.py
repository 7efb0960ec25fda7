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
from keras_extras.diagnostics.structure import Part
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


def hidden_activation(seen: Observations) -> Iterator[Finding]:
    """A hidden layer has softmax, or layers have no activation function between them.

    A layer without one is normal where another layer follows that bends its output,
    where values are added or compared, and as a bottleneck; so only a linear layer
    right before another one counts, in a graph that is known.

    References:
        NeuraLint (Nikanjam et al., 2021); UMLAUT (Schoop et al., 2021), "hidden layer
        linear"; TheDeepChecker's programs with softmax inside.
    """
    ends, good = seen.structure.last_layers, seen.outcome.is_good
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
        if part.kind not in _WEIGHTED or part.activation not in LINEAR:
            continue
        follower = _next_with_weights(structure, part, _PASSES)
        if follower is not None and not _is_bottleneck(part, follower):
            found.append(part)
    if not found:
        return
    bends = [
        p
        for p in structure.parts
        if p.activation not in LINEAR and p.name not in structure.last_layers
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


def _is_bottleneck(part: Part, follower: Part) -> bool:
    here, there = part.kernel, follower.kernel
    if here is None or there is None:
        return True
    return here.units < here.fan_in and here.units < there.units
