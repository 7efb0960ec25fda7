"""The rules about what a call of the model depends on, beside its inputs."""

from __future__ import annotations

from collections.abc import Iterator

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import unless_excellent
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.finding import Finding

# Differences of rounding, as a part of the largest prediction.
_VARIES = 1e-4
_DEPENDS = 0.02


def untracked_variables(observations: Observations) -> Iterator[Finding]:
    """The model computes with variables that it does not own.

    Nothing trains them, nothing saves them. Keras finds layers in attributes, lists
    and dicts of a layer, not within other objects and not in the closure of a
    function.

    References:
        TrainCheck (Jiang et al., 2025); Keras, "Making new layers and models via
        subclassing".
    """
    paths = observations.forward.unowned
    if not paths:
        return
    shown = ", ".join(f"'{path}'" for path in paths[:4])
    more = f" and {len(paths) - 4} more" if len(paths) > 4 else ""
    yield whole(
        observations,
        "untracked-variables",
        "warning" if observations.outcome.is_good else "error",
        None,
        f"predictions are made with {len(paths)} variables that are not among "
        f"`model.variables`: {shown}{more}. They are neither trained nor saved",
        "Make their layer an attribute of the model, `self.dense = Dense(...)`, in "
        "`__init__`; a list or a dict of layers must be an attribute, too.",
        0.97,
    )


def random_evaluation(observations: Observations) -> Iterator[Finding]:
    """Two evaluations of the same rows differ.

    References:
        TheDeepChecker (Ben Braiek & Khomh, 2023), similarity of training and test
        mode; Gal & Ghahramani (2016) for those who want it.
    """
    forward = observations.forward
    if not forward.varies > _VARIES:
        return
    layers = ", ".join(f"'{name}'" for name in forward.drawn_by[:4])
    yield whole(
        observations,
        "random-evaluation",
        "info" if forward.drawn_on_purpose else "warning",
        forward.drawn_by[0] if forward.drawn_by else None,
        f"two predictions for the same rows, with `training=False`, differ by "
        f"{forward.varies:.2g} of the largest one"
        + (f": random numbers are drawn by {layers}" if layers else ""),
        "Hand on `training` to the layers inside, "
        "`self.dropout(x, training=training)`, without a value of its own. If you "
        "want it, for Monte-Carlo dropout, use a layer of "
        "`keras_extras.layers`, which says so.",
        0.95,
    )


def rows_not_independent(observations: Observations) -> Iterator[Finding]:
    """What is predicted for a row depends on the other rows of the batch.

    References:
        TheDeepChecker (Ben Braiek & Khomh, 2023); Ioffe & Szegedy (2015), section
        3.1: in inference the output is to depend on the input only.
    """
    forward = observations.forward
    if forward.varies > _VARIES or not forward.depends > _DEPENDS:
        return
    yield whole(
        observations,
        "rows-not-independent",
        unless_excellent(observations),
        None,
        "with `training=False` the prediction for a row alone differs from that for "
        f"the same row among others by {forward.depends:.2g} of the largest one",
        "Look for what works along axis 0, the rows: a softmax, mean or normalisation "
        "over `axis=0`, a reshape that mixes rows, `BatchNormalization` called with "
        "`training=True`.",
        0.9,
    )
