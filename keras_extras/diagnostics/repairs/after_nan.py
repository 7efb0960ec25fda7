"""Chooses the repair of a training that became NaN, by where that began."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repairs.layers import calm
from keras_extras.diagnostics.repairs.outputs import match_output
from keras_extras.diagnostics.rules.non_finite import computes_in_half
from keras_extras.diagnostics.rules.non_finite import penalty_is_bad
from keras_extras.records.finding import Finding
from keras_extras.records.repair import Repair


def after_nan(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair | None:
    """Returns what is to change so that a training stays finite."""
    found = observations.nonfinite
    if computes_in_half(observations) or penalty_is_bad(observations):
        return None  # what is to change stands where a layer or a penalty is made
    if found is not None and found.kind == "input":
        return Repair("data")
    if found is not None and found.kind == "loss":
        ends = [o.layer for o in observations.structure.outputs]
        named = ends[0] if len(ends) == 1 else None
        as_output = dataclasses.replace(finding, layer=named)
        matched = match_output(as_output, same, observations)
        if matched is not None:
            return matched
    return calm(finding, same, observations)
