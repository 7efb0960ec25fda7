"""The rule: the validation data are not of the kind that the model is trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.finding import Finding

_SCALE, _SHIFT = 5.0, 5.0


def validation_differs(observations: Observations) -> Iterator[Finding]:
    """Inputs of the validation data lie on another scale, or elsewhere.

    References:
        Breck et al. (2019), "Data validation for machine learning": skew between
        training and serving data.
    """
    scale, shift = observations.data.scale, observations.data.shift
    other_scale = not 1.0 / _SCALE < scale < _SCALE
    if not (other_scale or shift > _SHIFT) or not _is_worse(observations):
        return
    yield whole(
        observations,
        "validation-differs",
        "warning",
        None,
        (
            f"the inputs of the validation data spread {scale:.3g} times as far as "
            "those of the training data"
            if other_scale
            else f"the middle of the inputs of the validation data is {shift:.3g} "
            "times their spread away from that of the training data"
        )
        + ", in the median over all columns",
        "Prepare both in the same way, with numbers taken from the training data: a "
        "`Rescaling` or adapted `Normalization` layer as the first of the model does.",
        0.93,
    )


def _is_worse(observations: Observations) -> bool:
    """Returns whether the model does worse on the validation data."""
    losses = [observations.epochs.get(n, np.empty(0)) for n in ("loss", "val_loss")]
    if not all(map(len, losses)):
        return False
    training, validation = (float(values[-1]) for values in losses)
    return not validation <= training + 0.3 * abs(training)
