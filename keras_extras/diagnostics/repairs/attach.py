"""Gives findings their repairs, and the remedies that follow from these."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repairs import layers
from keras_extras.diagnostics.repairs import outputs
from keras_extras.diagnostics.repairs import rates
from keras_extras.diagnostics.repairs import scales
from keras_extras.diagnostics.repairs.after_nan import after_nan
from keras_extras.diagnostics.repairs.wording import remedy_of
from keras_extras.records.finding import Finding
from keras_extras.records.repair import Repair

Choice = Callable[[Finding, Sequence[Finding], Observations], Repair | None]

# From the code of a finding to the function that chooses its repair.
CHOICES: dict[str, Choice] = {
    "learning-rate-too-high": rates.lower_rate,
    "learning-rate-too-low": rates.raise_rate,
    "oscillating-loss": rates.lower_rate,
    "clipping-too-strong": rates.clip_less,
    "exploding-gradient": layers.calm,
    "nan-loss": after_nan,
    "output-loss-mismatch": outputs.match_output,
    "hidden-activation": layers.other_activation,
    "bad-initialization": layers.start_right,
    "over-regularized": layers.loosen,
    "unnormalized-input": scales.scale_inputs,
    "unscaled-target": scales.scale_targets,
    "dead-units": layers.revive,
    "saturated-activation": layers.desaturate,
    "not-learning": layers.try_the_usual,
    "vanishing-gradient": layers.let_gradients_pass,
}
# What no copy of a model can be given: rows and labels, code, or a callback.
ELSEWHERE = {
    "wrong-labels": "data",
    "unshuffled-data": "data",
    "imbalanced-classes": "data",
    "validation-differs": "data",
    "leaked-target": "data",
    "leaked-rows": "data",
    "target-equals-input": "data",
    "broadcast-loss": "code",
    "untracked-variables": "code",
    "no-gradient": "code",
    "not-updated": "code",
    "random-evaluation": "code",
    "rows-not-independent": "code",
    "constant-output": "code",
    "dominant-loss-term": "code",
    "frozen-random-weights": "code",
    "frozen-statistics": "code",
    "optimizer-state": "code",
    "padding-not-masked": "code",
    "repeated-data": "data",
    "overfitting": "callback",
}


def with_repairs(
    findings: Sequence[Finding], observations: Observations
) -> list[Finding]:
    """Returns the findings with repairs, and with the remedies made from them."""
    return [_with_repair(finding, findings, observations) for finding in findings]


def _with_repair(
    finding: Finding, findings: Sequence[Finding], observations: Observations
) -> Finding:
    if finding.code in ELSEWHERE:
        return dataclasses.replace(finding, repair=Repair(ELSEWHERE[finding.code]))
    choose = CHOICES.get(finding.code)
    if choose is None:
        return finding
    same = [
        f
        for f in findings
        if f.code == finding.code and (f.severity == "info") == _is_advice(finding)
    ]
    repair = choose(finding, same, observations)
    if repair is None:
        return finding
    remedy = remedy_of(finding, repair, observations) or finding.remedy
    return dataclasses.replace(finding, repair=repair, remedy=remedy)


def _is_advice(finding: Finding) -> bool:
    return finding.severity == "info"
