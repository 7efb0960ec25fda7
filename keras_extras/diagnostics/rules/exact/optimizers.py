"""The rule about the state of an optimizer: does it belong to the weights?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.finding import Finding

# Their first step moves no weight by more than the rate, whatever the gradient.
_BOUNDED = ("Adam", "AdamW", "Adamax", "Nadam", "ScheduleFreeAdamW")
_TIMES, _SHARE = 10.0, 0.3


def optimizer_state(observations: Observations) -> Iterator[Finding]:
    """An optimizer starts from a state that does not belong to the weights.

    The first step of Adam and its relatives moves a weight by the learning rate at
    most: one that moves most layers by far more started from something else. And an
    optimizer that has trained before, with weights that nobody has, remembers others.

    References:
        Kingma & Ba (2015), "Adam", section 2.1, on the bound of a step; Defazio et al.
        (2024), "The road less scheduled", which starts from a copy of the weights.
    """
    structure = observations.structure
    if structure.stale:
        yield whole(
            observations,
            "optimizer-state",
            unless_good(observations),
            None,
            "the optimizer has trained before, and the weights are as their "
            "initializers drew them: its state belongs to other weights",
            "Compile anew with a new optimizer before each training from the start; "
            "`model.set_weights` does not reset it.",
            0.9,
        )
        return
    moved, bound = _first_step(observations)
    if not len(moved):
        return
    yield whole(
        observations,
        "optimizer-state",
        "error",
        None,
        f"the first step of {structure.optimizer} changed the weights by "
        f"{np.median(moved):.0%} of their norm, in the median of {len(moved)} layers; "
        f"with this rate it can change them by {np.median(bound):.1%} at most: it "
        "started from a state that does not belong to them",
        "Build it before `fit`: `model.optimizer.build(model.trainable_variables)`, "
        "after `compile`.",
        0.96,
    )


def _first_step(observations: Observations) -> tuple[np.ndarray, np.ndarray]:
    """Returns by how much layers were moved, and could be; nothing if they could."""
    none = np.empty(0), np.empty(0)
    structure, rates = observations.structure, observations.statistics
    rate = rates.get("learning_rate", np.empty(0))
    known = structure.optimizer in _BOUNDED and structure.fresh
    if not known or not len(rate) or not len(observations.steps):
        return none
    if observations.steps[0] != 0 or not np.isfinite(rate[0]):
        return none
    sizes = np.array([sum(layer.sizes) for layer in observations.layers], float)
    weights, updates = (
        observations[name][0] for name in ("weight_norm", "update_norm")
    )
    free = np.array([_is_free(observations, n.name) for n in observations.layers], bool)
    kept = free & (sizes > 0) & np.isfinite(updates) & (weights > 0.0)
    if not kept.any():
        return none
    decay = 1.0 + structure.settings.get("weight_decay", 0.0)
    steps = structure.settings.get("steps_per_execution", 1.0)
    bound = abs(rate[0]) * steps * (np.sqrt(sizes) / weights + decay)
    moved = (updates / weights)[kept]
    beyond = (moved > _TIMES * bound[kept]) & (moved > _SHARE)
    if beyond.mean() < 0.5:
        return none
    return moved[beyond], bound[kept][beyond]


def _is_free(observations: Observations, name: str) -> bool:
    """Returns whether no constraint moves the weights of a layer."""
    spec = observations.structure.layer(name)
    return spec is None or spec.constraint is None
