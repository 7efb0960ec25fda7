"""Words a repair: for this layer, this model and this optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repairs.changes import learning_rate_of
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.finding import Finding
from keras_extras.records.repair import Repair

_MOST_NAMES = 3
_LEADS = {
    "hidden-activation": "Give hidden layers an activation that lets gradients pass",
    "dead-units": "Let units have a slope below 0, and start them anew",
    "saturated-activation": "Keep units out of the flat parts of their activation",
    "vanishing-gradient": "Let gradients pass",
    "bad-initialization": "Start from what suits the activation",
    "output-loss-mismatch": "Let last layer, loss and targets belong together",
    "exploding-gradient": "Clip gradients",
    "nan-loss": "Keep values finite",
    "clipping-too-strong": "Clip less",
}


def remedy_of(
    finding: Finding, repair: Repair, observations: Observations
) -> str | None:
    """Returns the remedy that a repair stands for, `None` where it has no values."""
    if not repair.is_applicable:
        return None
    changes = "; ".join(words_of(repair, observations))
    lead = _lead(finding, repair, observations)
    more = _MORE.get(finding.code, "")
    said = f"{lead}: {changes}.{more}" if lead else f"{changes}.{more}"
    # What is tried where no cause is known does not stand alone.
    return f"{finding.remedy} Or try: {said}" if finding.code in _TRIED else said


_TRIED = ("not-learning",)
_MORE = {
    "learning-rate-too-high": " `keras_extras.find_learning_rate` suggests a rate for "
    "your data.",
    "learning-rate-too-low": " `keras_extras.find_learning_rate` suggests a rate for "
    "your data.",
    "nan-loss": " Look at the layer named for a logarithm, root or division of 0 too.",
}


def words_of(repair: Repair, observations: Observations) -> Iterator[str]:
    """Yields the changes, each as a phrase with code."""
    value, structure = repair.value, observations.structure
    if "inputs" in value:
        yield _inputs(value["inputs"])
    if "layers" in value:
        yield from _layers(value["layers"], structure)
    if "targets" in value:
        yield (
            "train on `(y - y_train.mean()) / y_train.std()` and scale the predictions "
            "back"
        )
    if "loss" in value:
        yield f"compile with `loss={quoted(value['loss'])}`"
    if "optimizer" in value:
        yield f"compile with `{_optimizer(value['optimizer'], structure)}`"


def quoted(value: Any) -> str:
    """Returns a plain value as code."""
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def _lead(finding: Finding, repair: Repair, observations: Observations) -> str:
    if finding.code in _LEADS:
        return _LEADS[finding.code]
    settings = repair.value.get("optimizer", {})
    if repair.kind == "learning-rate" and "learning_rate" in settings:
        return _of_rate(learning_rate_of(observations), settings["learning_rate"])
    if repair.kind in ("penalty", "dropout", "weight-decay"):
        return "Weaken what holds the weights"
    return ""


def _of_rate(now: float, wanted: float) -> str:
    if not np.isfinite(now) or now <= 0.0:
        return "Use a positive learning rate" if now <= 0.0 else "Set the learning rate"
    if now > wanted:
        return f"Divide the learning rate by {_factor(now / wanted)}"
    if wanted > now:
        return f"Multiply the learning rate by {_factor(wanted / now)}"
    return "Keep the learning rate where it is for the whole training"


def _factor(ratio: float) -> str:
    """Returns a factor with two digits, as people write it: 30,000."""
    return f"{float(f'{ratio:.2g}'):,.12g}"


def _inputs(change: Mapping[str, Any]) -> str:
    if change["layer"] == "Normalization":
        return "Begin with `norm = keras.layers.Normalization(); norm.adapt(x_train)`"
    scale, offset = change["scale"], change["offset"]
    code = f"{scale:.4g}" if offset else f"1 / {1.0 / scale:.4g}"
    shift = f", offset={offset:.4g}" if offset else ""
    return (
        f"Scale the inputs once, and no more: begin with `keras.layers.Rescaling({code}"
        f"{shift})`"
    )


def _optimizer(settings: Mapping[str, Any], structure: Structure) -> str:
    name = settings.get("name", structure.optimizer or "Adam")
    known = f"keras.optimizers.{name}"
    arguments = [f"{k}={quoted(v)}" for k, v in settings.items() if k != "name"]
    if "learning_rate" not in settings:
        arguments = ["...", *arguments]
    return f"optimizer={known}({', '.join(arguments)})"


def _layers(
    changes: Mapping[str, Mapping[str, Any]], structure: Structure
) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for name, change in changes.items():
        groups.setdefault(repr(sorted(change.items())), []).append(name)
    for names in groups.values():
        change = changes[names[0]]
        spec = structure.layer(names[0])
        one = len(names) == 1 and spec is not None
        code = _layer(spec, change) if one and spec else _of_several(change)
        yield f"`{code}` in {_named(names)}"


def _layer(spec: LayerSpec, change: Mapping[str, Any]) -> str:
    """Returns a layer as code, with what changes."""
    kind = change.get("class_name", spec.kind)
    head = spec.head.replace(spec.kind, kind, 1) if spec.head else f"{kind}("
    if not spec.head.startswith(spec.kind):
        head = f"{kind}("
    size = next((change[k] for k in ("units", "filters") if k in change), None)
    if size is not None:
        rest = spec.head.partition(",")[2]
        head = f"{kind}({size}" + (f",{rest}" if rest else "")
    kept = {} if "activation" in change else _activation(spec)
    arguments = _arguments({**kept, **change})
    inner = head.partition("(")[2]
    return f"{head}{', ' if inner and arguments else ''}{arguments})"


def _activation(spec: LayerSpec) -> dict[str, str]:
    known = spec.activation not in (None, "linear")
    usual = {"LSTM": "tanh", "GRU": "tanh", "SimpleRNN": "tanh"}.get(spec.kind)
    weighted = spec.kernel is not None
    if known and weighted and spec.activation != usual:
        return {"activation": str(spec.activation)}
    return {}


def _arguments(change: Mapping[str, Any]) -> str:
    parts = [
        f"{name}={quoted(value)}"
        for name, value in change.items()
        if name not in ("class_name", "units", "filters", "kernel_l1", "kernel_l2")
    ]
    for kind in ("l1", "l2"):
        if f"kernel_{kind}" in change:
            strength = change[f"kernel_{kind}"]
            code = f"keras.regularizers.{kind.upper()}({strength:g})"
            parts.append(f"kernel_regularizer={code}")
    return ", ".join(parts)


def _of_several(change: Mapping[str, Any]) -> str:
    arguments = _arguments(change)
    if "class_name" not in change:
        return arguments
    return f"{change['class_name']}(...{', ' if arguments else ''}{arguments})"


def _named(names: Sequence[str]) -> str:
    said = ", ".join(f"'{name}'" for name in names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{said} and {more} more" if more > 0 else said
