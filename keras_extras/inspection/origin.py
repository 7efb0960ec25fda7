"""Tells where in a step NaN or infinity came from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_extras.backends.contract import ReplicaValues
from keras_extras.backends.contract import Stack
from keras_extras.inspection.monitored_layers import MonitoredLayer
from keras_extras.records.nonfinite_origin import NonFiniteOrigin


def origin_in(
    step: int,
    replicas: Sequence[ReplicaValues],
    layers: Sequence[MonitoredLayer],
    skips_bad_steps: bool = False,
) -> NonFiniteOrigin | None:
    """Returns the origin of the first non-finite value of a step, if there is one.

    Values flow forwards through the layers and gradients flow backwards, so the
    origin is the first call with a bad output, or else the last layer with a bad
    gradient.

    Args:
        step: Number of the step.
        replicas: What each replica computed.
        layers: The layers whose numbers and variables the values have.
        skips_bad_steps: Whether the optimizer leaves out steps with bad gradients, so
            that a bad loss alone is a failure. Defaults to `False`.
    """
    for values in replicas:
        gradients = sorted(_bad_members(values.gradients))
        loss = 0.0 if values.batch is None else values.batch.loss
        if np.isfinite(loss) and (not gradients or skips_bad_steps):
            continue  # an output may hold infinity for a good reason: a mask
        outputs = sorted(_bad_members(values.outputs))
        if outputs and not values.inputs_are_finite():
            return NonFiniteOrigin(step, "input", None)
        if outputs:
            name = layers[values.calls[outputs[0]]].info.name
            return NonFiniteOrigin(step, "activation", name)
        known = sum(len(stack.members) for stack in values.gradients)
        if len(gradients) in (0, known):
            return NonFiniteOrigin(step, "loss", None)
        owners = [layer.info.name for layer in layers for _ in layer.variables]
        return NonFiniteOrigin(step, "gradient", owners[gradients[-1]])
    return None


def all_finite(stacks: Sequence[Stack]) -> bool:
    """Returns whether no value is NaN or infinite."""
    return all(bool(np.isfinite(stack.values).all()) for stack in stacks)


def _bad_members(stacks: Sequence[Stack]) -> list[int]:
    """Returns the numbers of the tensors that are not all finite."""
    bad: list[int] = []
    with np.errstate(all="ignore"):
        for members, values in stacks:
            flat = values.reshape(len(members), -1)
            # A sum is finite only if all is, but may overflow where all is finite.
            for row in np.flatnonzero(~np.isfinite(flat.sum(axis=1))):
                if not np.isfinite(flat[row]).all():
                    bad.append(members[row])
    return bad
