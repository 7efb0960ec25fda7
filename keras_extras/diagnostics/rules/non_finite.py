"""The rule: NaN or infinity appeared."""

from __future__ import annotations

import math
from collections.abc import Iterator

from keras_extras.diagnostics.observations import Observations
from keras_extras.records.finding import Finding

_LARGEST = 65_504


def non_finite(observations: Observations) -> Iterator[Finding]:
    """NaN or infinity appeared, in the step and layer that the non-finite record names.

    References:
        TensorFlow, "Debugger V2": the origin of a NaN is the first value that is
        not finite although everything it was computed from is.
    """
    found = observations.nonfinite
    if found is None:
        return
    where = "the model" if found.layer is None else f"layer '{found.layer}'"
    evidence, remedy = {
        "input": (
            "the batch that the model received holds NaN or infinity",
            "Clean the data: `np.isfinite(x).all()` must be true.",
        ),
        "activation": (
            f"the output of {where} was not finite while all before it was: that "
            "comes from what the layer computes, or from its weights",
            "Look for a logarithm, root or division of 0 in that layer; if values "
            "grew step by step, lower the learning rate or clip: "
            "`optimizer=keras.optimizers.SGD(..., clipnorm=1.0)`.",
        ),
        "loss": (
            "all outputs were finite, the loss or its gradient was not",
            "Check labels and sample weights for NaN, and the last activation against "
            "the loss; "
            "`from_logits=True` with a linear last layer is numerically safe.",
        ),
        "gradient": (
            f"the gradient of {where} was not finite, its output was",
            "Look for a root or norm at 0 in or after that layer, and add a small "
            "constant inside, `ops.sqrt(x + 1e-7)`; if gradients grew step by step, "
            "lower the learning rate.",
        ),
        "unknown": (
            "the loss was not finite",
            "Check the data for NaN and lower the learning rate.",
        ),
    }[found.kind]
    if penalty_is_bad(observations):
        evidence = (
            "all outputs were finite, a penalty was not: what a regularizer, "
            "`activity_regularizer` or `add_loss` adds to the loss"
        )
        remedy = (
            "Look at `model.losses` after a call on that batch: which one is not "
            "finite? Keep it from a logarithm, root or division of 0 or less."
        )
    if computes_in_half(observations):
        evidence += f". That is in float16, whose largest number is {_LARGEST:,}"
        remedy = (
            "If float32 has none, it is the precision: give that layer "
            '`dtype="float32"` beside `mixed_float16`, or use `mixed_bfloat16`. '
            f"Otherwise: {remedy}"
        )
    yield Finding(
        code="nan-loss",
        # A model may well replace missing values, or mask with infinity.
        severity="info" if observations.survived else "error",
        layer=found.layer,
        first_step=found.step,
        last_step=max(observations.last_step, found.step),
        evidence=f"at step {found.step} {evidence}",
        remedy=remedy,
        confidence=0.95 if found.kind != "unknown" else 0.8,
    )


def penalty_is_bad(observations: Observations) -> bool:
    """Returns whether what was not finite is what is added to the loss of outputs."""
    found = observations.nonfinite
    if found is None or found.kind not in ("loss", "gradient"):
        return False
    there = [batch for batch in observations.batches if batch.step == found.step]
    return any(not math.isfinite(batch.penalty) for batch in there)


def computes_in_half(observations: Observations) -> bool:
    """Returns whether what was not finite was computed in float16."""
    found, structure = observations.nonfinite, observations.structure
    if found is None or found.kind == "input":
        return False
    names = structure.last_layers if found.layer is None else {found.layer}
    return any(
        spec.precision == "float16" for spec in structure.layers if spec.name in names
    )
