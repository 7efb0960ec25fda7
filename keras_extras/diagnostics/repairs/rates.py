"""Repairs of what the optimizer does: its rate, clipping and weight decay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras.diagnostics.loss_names import CLASSIFICATION
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repairs.changes import learning_rate_of
from keras_extras.diagnostics.rules.common import steps_trained
from keras_extras.records.finding import Finding
from keras_extras.records.repair import Repair

# What each optimizer is usually run with: the defaults of Keras and of the papers.
_USUAL = {
    "Adadelta": 1.0,
    "Adagrad": 0.03,
    "Adamax": 2e-3,
    "Ftrl": 0.05,
    "Lion": 1e-4,
    "Muon": 1e-3,
}
_ADAPTIVE = 1e-3
_HEAVY = 0.95  # of a momentum, which makes steps twenty times as long
# What is over after so few steps has to take larger ones.
_SHORT, _FASTER = 600, 3.0


def usual_rate(observations: Observations) -> float:
    """Returns a rate at which the optimizer usually trains."""
    structure = observations.structure
    rate = _USUAL.get(structure.optimizer, _ADAPTIVE)
    if structure.optimizer == "SGD":
        # The gradient of an entropy is bounded, that of a squared error is not.
        bounded = all(o.loss in CLASSIFICATION for o in structure.outputs)
        momentum = structure.settings.get("momentum", 0.0)
        return (0.1 if bounded else 0.03) * (0.2 if momentum >= 0.8 else 1.0)
    if rate == _ADAPTIVE and steps_trained(observations) <= _SHORT:
        return rate * _FASTER
    return rate


def lower_rate(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair:
    """Returns a usual rate where that is lower, else a tenth of the present one."""
    rate, usual = learning_rate_of(observations), usual_rate(observations)
    settings: dict[str, Any] = {"learning_rate": usual}
    if np.isfinite(rate) and 0.0 < rate < 3.0 * usual:
        settings["learning_rate"] = rounded(rate / 10.0)
    if observations.structure.settings.get("momentum", 0.0) > _HEAVY:
        settings["momentum"] = 0.9
        settings["learning_rate"] = min(settings["learning_rate"], usual / 3.0)
    return Repair("learning-rate", None, {"optimizer": settings})


def raise_rate(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair:
    """Returns a usual rate where that is higher, else ten times the present one."""
    rate, usual = learning_rate_of(observations), usual_rate(observations)
    settings: dict[str, Any] = {"learning_rate": usual}
    if np.isfinite(rate) and rate > usual / 3.0 and not _is_scheduled(observations):
        settings["learning_rate"] = rounded(rate * 10.0)
    elif _is_plain_descent(observations) and steps_trained(observations) <= _SHORT:
        # Without momentum few steps lead nowhere, at any rate that is safe.
        settings = {"learning_rate": rounded(0.35 * usual), "momentum": 0.9}
    settings.update(_loosened(observations))
    return Repair("learning-rate", None, {"optimizer": settings})


def clip(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair:
    """Returns clipping by norm, and a usual rate where the present one is higher."""
    rate, usual = learning_rate_of(observations), usual_rate(observations)
    settings: dict[str, Any] = {"clipnorm": 1.0}
    if not np.isfinite(rate) or rate > usual or rate <= 0.0:
        settings["learning_rate"] = usual
    return Repair("clipping", None, {"optimizer": settings})


def clip_less(
    finding: Finding, same: Sequence[Finding], observations: Observations
) -> Repair:
    """Returns clipping that leaves usual gradients as they are."""
    loosened = _loosened(observations) or {"clipnorm": 1.0}
    return Repair("clipping", None, {"optimizer": loosened})


def lower_decay(observations: Observations) -> Repair:
    """Returns a usual weight decay."""
    return Repair("weight-decay", None, {"optimizer": {"weight_decay": 1e-4}})


def _is_plain_descent(observations: Observations) -> bool:
    structure = observations.structure
    return structure.optimizer == "SGD" and not structure.settings.get("momentum")


def _loosened(observations: Observations) -> dict[str, Any]:
    """Returns usual limits for those that the optimizer clips to, where tiny."""
    names = ("clipnorm", "global_clipnorm", "clipvalue")
    limits = {n: observations.structure.settings.get(n) for n in names}
    return {name: 1.0 for name, v in limits.items() if v is not None and v < 0.1}


def _is_scheduled(observations: Observations) -> bool:
    rates = observations.statistics.get("learning_rate", np.empty(0))
    return bool(len(rates) and np.nanmin(rates) < 0.5 * np.nanmax(rates))


def rounded(value: float) -> float:
    """Returns a number as people write it: with one digit."""
    return float(f"{value:.0e}")
