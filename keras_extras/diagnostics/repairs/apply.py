"""Applies a repair to a copy of a model."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repaired_model import RepairedModel
from keras_extras.diagnostics.repairs.scales import POWERS
from keras_extras.diagnostics.repairs.scales import input_statistics
from keras_extras.diagnostics.repairs.wording import words_of
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.keras_internals.compile_copy import compile_copy
from keras_extras.keras_internals.model_copy import copy_of
from keras_extras.keras_internals.model_copy import take_weights
from keras_extras.keras_internals.snapshot import random_state_kept
from keras_extras.records.finding import Finding
from keras_extras.records.repair import Repair

_WHERE = {
    "data": "is in the data, which a copy of the model does not have",
    "code": "is in the code of the model or of its training step",
    "callback": "is a callback of `fit`, not a change of the model",
}


def applied(
    model: Any, findings: Sequence[Finding], observations: Observations
) -> RepairedModel:
    """Returns a compiled copy of a model, with the repairs of findings.

    Args:
        model: The compiled model, which stays as it is.
        findings: The findings, the one that decides where two do not agree first.
        observations: The evidence behind it.

    Raises:
        ValueError: If it has no repair that can be applied, or the model cannot be
            copied.
    """
    repair = _together([checked(finding) for finding in findings])
    with random_state_kept():
        copied = _copied(model, repair, observations)
    words = [f"{text[0].upper()}{text[1:]}." for text in words_of(repair, observations)]
    return RepairedModel(copied, "\n".join(words))


def checked(finding: Finding) -> Repair:
    """Returns the repair of a finding.

    Raises:
        ValueError: If there is none that a copy of a model can be given.
    """
    repair = finding.repair
    if repair is not None and repair.is_applicable:
        return repair
    why = "is not known" if repair is None else _WHERE.get(repair.kind, "is not known")
    raise ValueError(
        "`finding` must have a repair that a copy of the model can be given. Received: "
        f"{finding.code}, whose repair {why}: {finding.remedy}"
    )


def _together(repairs: Sequence[Repair]) -> Repair:
    """Returns one repair that does what all of them do."""
    value: dict[str, Any] = {}
    for repair in repairs:
        for name, change in repair.value.items():
            known = value.get(name)
            if name == "layers":
                layers = {} if known is None else known
                value[name] = layers | {
                    layer: {**arguments, **layers.get(layer, {})}
                    for layer, arguments in change.items()
                }
            elif name == "optimizer":
                value[name] = {**change, **(known or {})}
            elif known is None:
                value[name] = change
    return Repair(repairs[0].kind, repairs[0].layer, value)


def _copied(model: Any, repair: Repair, observations: Observations) -> Any:
    value = repair.value
    changes = _by_identity(model, value.get("layers", {}))
    loss, weight = value.get("loss"), None
    before, after = None, None
    if "inputs" in value:
        before = _input_layer(value["inputs"], observations)
    if "targets" in value:
        std = value["targets"]["std"]
        after = keras.layers.Rescaling(
            std if len(std) > 1 else std[0],
            value["targets"]["mean"] if len(std) > 1 else value["targets"]["mean"][0],
            name="scaled_back",
        )
        weight = _weight_of_loss(loss, observations, float(np.mean(std)))
    copied = copy_of(model, changes, before, after)
    take_weights(copied, model, changes)
    compile_copy(copied, model, value.get("optimizer", {}), loss, weight)
    return copied


def _by_identity(
    model: Any, changes: Mapping[str, Mapping[str, Any]]
) -> dict[int, Mapping[str, Any]]:
    layers = {each.info.name: each.layer for each in find_layers(model)}
    unknown = sorted(set(changes) - set(layers))
    if unknown:
        raise ValueError(
            "`finding` must name layers of the model that was diagnosed. "
            f"Received: {unknown[0]!r}"
        )
    return {
        id(layers[name]): _arguments(layers[name], change)
        for name, change in changes.items()
    }


def _arguments(layer: Any, change: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the configuration of a layer says in place of what it had."""
    arguments = {k: v for k, v in change.items() if not k.startswith("kernel_l")}
    penalties = {
        kind: change[f"kernel_{kind}"]
        for kind in ("l1", "l2")
        if f"kernel_{kind}" in change
    }
    if penalties:
        penalty = keras.regularizers.L1L2(**penalties)
        arguments["kernel_regularizer"] = keras.regularizers.serialize(penalty)
    known = layer.get_config()
    # Not all layers have biases, and a norm may have none of the rest.
    return {
        k: v
        for k, v in arguments.items()
        if k in known or not k.endswith("initializer")
    }


def _input_layer(change: Mapping[str, Any], observations: Observations) -> Any:
    if change["layer"] == "Rescaling":
        return keras.layers.Rescaling(
            change["scale"], change["offset"], name="scaled_inputs"
        )
    known = input_statistics(observations)
    if known is None:
        raise ValueError(
            "`finding` must be one whose inputs were seen, to standardise them. "
            "Received: a diagnosis without rows of its inputs"
        )
    mean, variance = known
    return keras.layers.Normalization(
        mean=mean, variance=variance, name="scaled_inputs"
    )


def _weight_of_loss(
    loss: str | None, observations: Observations, std: float
) -> float | None:
    """Returns what gives the loss of scaled targets the size of standardised ones."""
    names = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}
    outputs = observations.structure.outputs
    name = names.get(loss, loss) if loss else outputs[0].loss
    return std ** -POWERS[name] if name in POWERS else None
