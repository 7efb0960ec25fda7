"""The rule about terms of the loss: one of them leaves the others no say."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics import loss_names
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import steps_trained
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.structure import Output
from keras_extras.records.finding import Finding

_SHARE, _ADDED = 0.99, 0.95
_EPOCHS, _STEPS = 3, 100
# Of what a classifier loses that knows nothing, or of its own first loss.
_CHANCE, _NO_BETTER = 0.9, 0.97


def dominant_loss_term(observations: Observations) -> Iterator[Finding]:
    """One term is all of the loss, and another one, which has no say, stays at chance.

    References:
        Kendall et al. (2018), "Multi-task learning using uncertainty to weigh losses";
        TheDeepChecker, "regularisation overwhelms".
    """
    yield from _added_terms(observations)
    yield from _outputs(observations)


def _outputs(observations: Observations) -> Iterator[Finding]:
    outputs, epochs = observations.structure.outputs, observations.epochs
    if len(outputs) < 2 or not observations.structure.fresh:
        return
    losses = [
        epochs.get("_".join((output.name, "loss")), np.empty(0)) for output in outputs
    ]
    weights = np.array([output.weight for output in outputs])
    if min(map(len, losses)) < _EPOCHS or steps_trained(observations) < _STEPS:
        return
    shares = np.array([[w * v[0], w * v[-1]] for w, v in zip(weights, losses)])
    if not np.isfinite(shares).all() or (shares < 0.0).any():
        return
    shares = shares / np.maximum(shares.sum(axis=0), 1e-300)
    largest = int(shares[:, -1].argmax())
    if shares[largest].min() < _SHARE:
        return
    for place, (output, values) in enumerate(zip(outputs, losses)):
        chance = _chance(output)
        idle = values[-1] > _NO_BETTER * values[0] and values[-1] > _CHANCE * chance
        if place == largest or weights[place] <= 0.0 or not idle:
            continue
        yield whole(
            observations,
            "dominant-loss-term",
            "warning",
            output.layer,
            f"the loss of '{outputs[largest].name}' is {shares[largest, -1]:.2%} of "
            f"all; that of '{output.name}' has {shares[place, -1]:.1g} of it and has "
            f"not got better: {values[0]:.3g} in the first epoch, {values[-1]:.3g} in "
            "the last one",
            "Bring the terms to one size: scale the targets of "
            f"'{outputs[largest].name}', or `loss_weights` of about one over each loss "
            "at the start.",
            0.88,
        )


def _chance(output: Output) -> float:
    """Returns what a classifier loses that knows nothing; infinity of others."""
    if output.loss in loss_names.BINARY:
        return math.log(2.0)
    several = output.loss in (*loss_names.SPARSE, *loss_names.CATEGORICAL)
    units = output.units or 0
    return math.log(units) if several and units > 1 else math.inf


def _added_terms(observations: Observations) -> Iterator[Finding]:
    outcome = observations.outcome
    if any(spec.l1 or spec.l2 for spec in observations.structure.layers):
        return  # penalties of weights are judged elsewhere
    parts = (
        outcome.first_penalty / max(outcome.first + outcome.first_penalty, 1e-12),
        outcome.penalty / max(outcome.last + outcome.penalty, 1e-12),
    )
    if not min(parts) > _ADDED or not outcome.is_poor:
        return
    if steps_trained(observations) < _STEPS:
        return
    yield whole(
        observations,
        "dominant-loss-term",
        "warning",
        None,
        f"what layers add to the loss, with `add_loss` or an activity regularizer, is "
        f"{parts[0]:.1%} of it at first and {parts[1]:.1%} lately; the loss that the "
        f"model was compiled with is {outcome.last:.3g}, no better than a constant",
        "Divide the added term by what it weighs too much, "
        f"`self.add_loss({1.0 / max(parts[1] / (1.0 - parts[1] + 1e-12), 1.0):.1g} * "
        "term)`, or let its weight grow slowly.",
        0.88,
    )
