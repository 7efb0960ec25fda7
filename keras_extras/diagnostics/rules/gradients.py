"""The rules: gradients vanish or explode.

They are judged against those of other layers or against the weights, never by
size alone, for a converged model has small gradients everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import LARGE_UPDATE
from keras_extras.diagnostics.rules.common import PATIENCE
from keras_extras.diagnostics.rules.common import TINY
from keras_extras.diagnostics.rules.common import gradient_ratio
from keras_extras.diagnostics.rules.common import lasting
from keras_extras.diagnostics.rules.common import percent
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import update_ratio
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.rules.units import DYING
from keras_extras.records.finding import Finding

# Times the loss of the start, or of a constant: only what ran away gets there.
LARGE_LOSS = 1000.0


def vanishing_gradient(observations: Observations) -> Iterator[Finding]:
    """Gradients shrink on their way to the input by a factor of 1000 or more.

    Each layer is compared with the layer nearest to the output that has the
    largest gradient, at the same step, so that a model that has converged, whose
    gradients are small everywhere, is no case. Where ReLU units are dead, that is
    the cause, and `dead_units` speaks.

    References:
        Glorot & Bengio (2010); the ratio of AUTOTRAINER (Zhang et al., 2021), whose
        second, absolute limit is replaced by the comparison with the weights.
    """
    trained = _trained(observations)
    if len(trained) < 3:
        return
    norms = observations["gradient_norm"][:, trained]
    half = len(trained) // 2
    reference = np.max(norms[:, half:], axis=1, keepdims=True)
    ratio = norms[:, :half] / np.maximum(reference, TINY)
    alive = (reference[:, 0] > 0) & _no_dead_layer(observations)
    # The gradient at the top may be small by chance too: the middle one counts.
    # Exactly 0 is no gradient that has vanished on its way: there is no way.
    ratio[ratio == 0.0] = np.inf
    lowest = ratio.min(axis=1)
    recent = np.median(ratio[-PATIENCE:], axis=0)
    span = lasting(observations, alive & (_running_median(lowest) < 1e-3))
    if span is None:
        return
    worst = int(np.argmin(recent))
    layer = observations.layers[trained[worst]]
    top = observations.layers[
        trained[half + int(np.argmax(np.median(norms[-PATIENCE:, half:], 0)))]
    ]
    yield Finding(
        code="vanishing-gradient",
        severity=unless_good(observations, "error"),
        layer=layer.name,
        first_step=span[0],
        last_step=span[1],
        evidence=f"the gradient norm of '{layer.name}' is {recent[worst]:.1e} times "
        f"that of '{top.name}' (limit 1e-03)",
        remedy="Use an activation that does not saturate with an initialisation that "
        'fits, `activation="relu", kernel_initializer="he_normal"`, batch '
        "normalisation, or skip connections.",
        confidence=0.9,
    )


def exploding_gradient(observations: Observations) -> Iterator[Finding]:
    """Gradients are many times as large as the weights and tear them along.

    A large gradient alone is no fault: targets in odd units make one, and Adam
    does not mind. It is one when the updates it makes replace the weights.

    References:
        Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent
        neural networks"; TheDeepChecker's growth rule.
    """
    update, gradient = update_ratio(observations), gradient_ratio(observations)
    if not len(update):
        return
    start = np.nanmedian(gradient[:PATIENCE])
    grown = gradient > 1000.0 * max(start, TINY)
    bad = (update > LARGE_UPDATE) & ((gradient > 10.0) | grown)
    span = lasting(observations, bad, patience=2)
    if span is None:
        yield from _loss_exploded(observations)
        return
    layer = _steepest_layer(observations)
    now = gradient[-1]
    yield Finding(
        code="exploding-gradient",
        severity=unless_good(observations, "error"),
        layer=layer,
        first_step=span[0],
        last_step=span[1],
        evidence=f"the gradient is {now:.1e} times as large as the weights (limit 10) "
        f"and one update changes them by {percent(update[-1])} (limit "
        f"{LARGE_UPDATE:.0%}); it is steepest in '{layer}'",
        remedy="Clip gradients, `optimizer=keras.optimizers.SGD(..., clipnorm=1.0)`, "
        "and use an initialisation that keeps the scale, "
        '`kernel_initializer="he_normal"`.',
        confidence=0.9,
    )


def _loss_exploded(observations: Observations) -> Iterator[Finding]:
    """The loss was out of all bounds for a while, and the training is none the better.

    Between two samples gradients may explode unseen; what the loss was is known.
    """
    losses, outcome = (
        observations.losses[np.isfinite(observations.losses)],
        observations.outcome,
    )
    usual = max(outcome.first, outcome.baseline)
    if not len(losses) or not outcome.is_wanting or not usual > 0.0:
        return
    if not losses.max() > LARGE_LOSS * usual:
        return
    yield whole(
        observations,
        "exploding-gradient",
        "warning",
        None,
        f"the loss has been {losses.max():.2g}, {losses.max() / usual:.1g} times what "
        f"it began with (limit {LARGE_LOSS:g})",
        "Clip gradients, `optimizer=keras.optimizers.SGD(..., clipnorm=1.0)`, lower "
        "the learning rate, and use activations that are bounded in recurrent layers, "
        '`LSTM(units, activation="tanh")`.',
        0.8,
    )


def _running_median(values: np.ndarray) -> np.ndarray:
    """Returns the median of each value and the ones around it."""
    if len(values) < PATIENCE:
        return values
    half = PATIENCE // 2
    windows = np.lib.stride_tricks.sliding_window_view(values, PATIENCE)
    middle = np.median(windows, axis=1)
    return np.concatenate([[middle[0]] * half, middle, [middle[-1]] * half])


def _trained(observations: Observations) -> np.ndarray:
    """Returns the indices of the layers whose gradient was measured throughout."""
    norms = observations["gradient_norm"]
    # The gradient of an embedding lives in the few rows that a batch looks up.
    usual = [layer.class_name != "Embedding" for layer in observations.layers]
    # Before the first sample there are no layers, and a list of nothing is no mask.
    mask = np.array(usual, dtype=bool)
    return np.flatnonzero(np.isfinite(norms).all(axis=0) & mask)


def _no_dead_layer(observations: Observations) -> np.ndarray:
    relu = [layer.activation in DYING for layer in observations.layers]
    dead = observations["activation_dead_fraction"][:, relu]
    return np.logical_not((dead >= 0.95).any(axis=1))


def _steepest_layer(observations: Observations) -> str:
    ratio = observations["gradient_norm"][-1] / np.maximum(
        observations["weight_norm"][-1], TINY
    )
    return observations.layers[int(np.nanargmax(ratio))].name
