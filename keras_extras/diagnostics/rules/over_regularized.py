"""The rule: penalties weigh more than the data, or dropout leaves too little."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import total
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.finding import Finding


def _has_shrunk(observations: Observations, share: float) -> bool:
    """Returns whether the weights are below a share of what they were at the start."""
    norms = total(observations, "weight_norm")
    return bool(len(norms) and norms[-1] < share * norms[0])


def _penalty_rules(observations: Observations) -> bool:
    """Returns whether penalties are most of the loss, at the cost of the data."""
    outcome = observations.outcome
    first = outcome.first_penalty > 3.0 * outcome.first
    last = outcome.penalty > 3.0 * outcome.last and outcome.skill < 0.75
    return bool(first and last and _has_shrunk(observations, 0.5))


def over_regularized(observations: Observations) -> Iterator[Finding]:
    """Penalties weigh more than the data, or dropout leaves next to nothing.

    References:
        TheDeepChecker, "regularisation overwhelms"; Srivastava et al. (2014),
        "Dropout", whose rates reach from 0.2 to 0.8.
    """
    outcome = observations.outcome
    strongest = max(
        (p for p in observations.structure.layers if p.l1 or p.l2),
        key=lambda p: max(p.l1, p.l2),
        default=None,
    )
    # At the start, for weights that a large rate has blown up have large penalties.
    share = outcome.first_penalty / max(outcome.first + outcome.first_penalty, 1e-12)
    limit = 0.4 if outcome.is_poor else 0.75
    fails = outcome.is_poor or (outcome.skill < 0.6 and _has_shrunk(observations, 0.85))
    fails |= _penalty_rules(observations)
    if strongest is not None and share > limit and fails:
        kind = "l1" if strongest.l1 > strongest.l2 else "l2"
        value = max(strongest.l1, strongest.l2)
        yield whole(
            observations,
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
    if not observations.outcome.is_wanting:
        return
    decay = observations.structure.settings.get("weight_decay", 0.0)
    rates_used = observations.statistics.get("learning_rate", np.empty(0))
    rate = float(np.max(rates_used, initial=0.0))
    if decay * rate > 0.01:
        yield whole(
            observations,
            "over-regularized",
            "warning",
            None,
            f"weight decay of {decay:g} at a learning rate of {rate:g} takes "
            f"{decay * rate:.0%} off the weights in every step (usual 1e-6 to 1e-4)",
            f"Divide it by 1000: `weight_decay={decay / 1000:g}`.",
            0.85,
        )
    rates = [
        (p.rate, p.name) for p in observations.structure.layers if "Dropout" in p.kind
    ]
    rate, name = max(rates, default=(0.0, ""))
    if rate > 0.8:
        yield whole(
            observations,
            "over-regularized",
            "warning",
            name,
            f"'{name}' drops {rate:.0%} of its inputs (usual 10 to 50 %)",
            "Lower the rate: `Dropout(0.3)`.",
            0.8,
        )
