"""The rules about layers: what they return, and weights that nobody has trained."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import steps_trained
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.finding import Finding
from keras_extras.records.moving_statistics import MovingStatistics

_DEPENDS = 0.02
_STEPS = 20
# Of moving statistics: the share that is still their initial value, by how many
# standard deviations a mean is off, by how many times a deviation is.
_LEFT, _OFF, _TIMES = 0.3, 1.0, 2.0


def constant_output(observations: Observations) -> Iterator[Finding]:
    """A layer returns the same for all rows, although it is given different ones.

    References:
        TheDeepChecker (Ben Braiek & Khomh, 2023): does the loss depend on the input at
        all; Ba et al. (2016), "Layer normalization".
    """
    forward, ends = observations.forward, observations.structure.last_layers
    for layer in forward.constant:
        if layer.axis and layer.name in ends:
            continue  # a softmax over one unit as the last layer: that is said already
        if not layer.axis and forward.depends > _DEPENDS:
            continue  # rows are mixed before
        yield whole(
            observations,
            "constant-output",
            "warning"
            if layer.axis and not observations.outcome.is_excellent
            else unless_good(observations, "error"),
            layer.name,
            f"'{layer.name}' is given different rows and returns the same for all of "
            "them"
            + (
                ": the axis along which it normalises has one element"
                if layer.axis
                else ", and so all predictions are the same"
            ),
            "Normalise along an axis that has several elements, "
            "`Softmax(axis=1)` for weights of the positions of a sequence, "
            '`activation="sigmoid"` for a gate.'
            if layer.axis
            else "Look for what takes its input out of the result: a multiplication by "
            "0, a mean or maximum along the wrong axis, a constant of its own.",
            0.93 if layer.axis else 0.9,
        )


def frozen_random_weights(observations: Observations) -> Iterator[Finding]:
    """Frozen layers have the weights that their initializers drew: nobody trained them.

    Kernels follow the distribution of their initializer (test of Kolmogorov and
    Smirnov), and biases and moving statistics are the constants that they began with.

    References:
        Massey (1951), "The Kolmogorov-Smirnov test for goodness of fit"; Yosinski et
        al. (2014), "How transferable are features in deep neural networks?", on random
        features.
    """
    kept = [
        name
        for name in observations.forward.fresh
        if not getattr(observations.structure.layer(name), "trainable", True)
    ]
    if not kept or len(kept) < len(observations.forward.fresh):
        return
    outcome = observations.outcome
    shown = ", ".join(f"'{name}'" for name in kept[:4])
    more = f" and {len(kept) - 4} more" if len(kept) > 4 else ""
    yield whole(
        observations,
        "frozen-random-weights",
        "info" if outcome.is_excellent and outcome.baseline > 0.0 else "warning",
        kept[0],
        f"{shown}{more} are frozen, and their weights are as their initializers drew "
        "them: biases still what they began with, kernels of the distribution of their "
        "initializer",
        'Load weights before you freeze, `weights="imagenet"` or '
        "`teacher.load_weights(path)`, or train it first. If random features are what "
        "you want, all is well.",
        0.93,
    )


def frozen_statistics(observations: Observations) -> Iterator[Finding]:
    """Batch normalisation does not follow its data, or lags behind for the whole run.

    References:
        Ioffe & Szegedy (2015), "Batch normalization", section 3.1; Keras,
        `BatchNormalization`, on `momentum` and `training`.
    """
    steps, moving = steps_trained(observations), observations.forward.moving
    if steps < _STEPS or not observations.structure.fresh:
        return
    never = [each for each in moving if each.trains and each.is_initial]
    if never:
        yield whole(
            observations,
            "frozen-statistics",
            "info" if observations.outcome.is_good else "warning",
            never[0].layer,
            f"after {steps} steps the moving mean and variance of "
            f"{_listed(never)} are 0 and 1 still: they were never updated",
            "Call the model, and layers inside of it, with `training=True` in a "
            "training step of your own, and hand `training` on to the layers inside.",
            0.96,
        )
        return
    late = [each for each in moving if each.trains and _lags(each, steps)]
    if not late or not _validates_worse(observations):
        return
    left = late[0].momentum ** steps
    yield whole(
        observations,
        "frozen-statistics",
        "warning",
        late[0].layer,
        f"after {steps} steps with momentum {late[0].momentum:g}, {left:.0%} of the "
        f"moving statistics of {_listed(late)} are what they began with, far from "
        "those of the data, and the model does worse in validation",
        "Lower the momentum, `BatchNormalization(momentum=0.9)`, or train for more "
        "steps.",
        0.85,
    )


def _listed(moving: list[MovingStatistics]) -> str:
    shown = ", ".join(f"'{each.layer}'" for each in moving[:3])
    return shown + (f" and {len(moving) - 3} more" if len(moving) > 3 else "")


def _lags(moving: MovingStatistics, steps: int) -> bool:
    """Returns whether what is left of 0 and 1 takes the statistics far from the data.

    After so many updates they are `left` of the initial value and the rest of the
    data, so that the latter can be computed.
    """
    left = moving.momentum**steps
    if not _LEFT < left < 1.0:
        return False
    mean = moving.mean / (1.0 - left)
    variance = (moving.variance - left) / (1.0 - left)
    if not (variance > 0.0).all():
        variance = np.maximum(variance, 1e-6)
    off = np.abs(mean - moving.mean) / np.sqrt(variance)
    times = np.sqrt(moving.variance / variance)
    times = np.maximum(times, 1.0 / times)
    return bool(np.median(off) > _OFF or np.median(times) > _TIMES)


def _validates_worse(observations: Observations) -> bool:
    losses = [observations.epochs.get(n, np.empty(0)) for n in ("loss", "val_loss")]
    if min(map(len, losses)) < 2:
        return False
    training, validation = (float(values[-1]) for values in losses)
    return bool(validation > training + 0.5 * abs(training))


def padding_not_masked(observations: Observations) -> Iterator[Finding]:
    """Predictions depend on how padding is embedded: it is read like any token.

    References:
        Keras, "Understanding masking & padding"; SageMaker Debugger's NLPSequenceRatio.
    """
    padding, varies = observations.forward.padding, observations.forward.varies
    if not padding > _DEPENDS > varies or not observations.outcome.is_poor:
        return
    yield whole(
        observations,
        "padding-not-masked",
        "warning",
        None,
        "rows of different lengths are filled up with 0, and predictions change by "
        f"{padding:.2g} of the largest one when 0 is embedded as another token: "
        "padding is read like words",
        "`Embedding(..., mask_zero=True)`, and hand the mask on in layers of your own, "
        "`self.supports_masking = True`; or pad at the other end, "
        '`padding="pre"`.',
        0.85,
    )
