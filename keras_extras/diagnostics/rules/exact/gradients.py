"""The rules: no gradient reaches a layer, or next to none of it the weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import total
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.finding import Finding

_SAMPLES = 3
_SAMPLES_OF_CLIPPING, _LEFT = 8, 0.01
_SAMPLES_OF_UPDATES = 5
# What a step of float32 must at least change for it to be seen, as a part of a weight.
_VISIBLE = 1e-5
# Their steps have about the size of the rate, however small the gradient is.
_SCALED = ("Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "Lion")


def no_gradient(observations: Observations) -> Iterator[Finding]:
    """The loss has no gradient with respect to a layer that is to be trained.

    Not a small one, and not one of 0: none at all, at each sample, so that something
    between this layer and the loss cuts it off.

    References:
        Jiang et al. (2025), "Training with confidence: catching silent errors in deep
        learning training with automated proactive checks" (TrainCheck).
    """
    gradients, weights = observations["gradient_norm"], observations["weight_norm"]
    if len(gradients) < _SAMPLES or _some_outputs_have_no_loss(observations):
        return
    trained = np.isfinite(weights).all(axis=0)
    without = trained & np.isnan(gradients).all(axis=0)
    without &= np.array([_is_read(observations, i) for i in range(len(without))], bool)
    if not without.any() or without[trained].all():
        return
    names = [layer.name for layer in observations.layers]
    cut = [name for name, each in zip(names, without) if each]
    yield whole(
        observations,
        "no-gradient",
        "warning" if observations.outcome.is_good else "error",
        cut[-1],
        f"the loss has no gradient at all with respect to {_listed(cut)}, at all "
        f"{len(gradients)} samples{_where(observations, trained & ~without, cut[-1])}",
        "Look there for `stop_gradient`, a conversion to NumPy or to integers, "
        "`round`, `argmax` or `one_hot`: no gradient passes them. What is not to be "
        "trained gets `layer.trainable = False`.",
        0.96,
    )


def _some_outputs_have_no_loss(observations: Observations) -> bool:
    outputs = observations.structure.outputs
    return len(outputs) > 1 and any(not output.loss for output in outputs)


def _is_read(observations: Observations, place: int) -> bool:
    """Returns whether the predictions are made with the weights of a layer."""
    layer, read = observations.layers[place], observations.forward.trainable_read
    if read is not None:
        return any(path in read for path in layer.variables)
    spec = observations.structure.layer(layer.name)
    return spec is not None and spec.inputs is not None


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more layers"


def _where(observations: Observations, reached: np.ndarray, last: str) -> str:
    """Returns between which layers the gradient is cut off, if their order is known."""
    names = [layer.name for layer in observations.layers]
    after = [n for n, each in zip(names, reached) if each]
    following = [name for name in after if names.index(name) > names.index(last)]
    if not following:
        return ""
    between = names[names.index(last) + 1 : names.index(following[0])]
    inside = f", where {_listed(between)} stands" if len(between) == 1 else ""
    inside = f", where {_listed(between)} stand" if len(between) > 1 else inside
    return f"; it is cut off between '{last}' and '{following[0]}'{inside}"


def not_updated(observations: Observations) -> Iterator[Finding]:
    """A layer has a gradient, and its weights are bit for bit the same after the step.

    References:
        SageMaker Debugger's UnchangedTensor; TrainCheck (Jiang et al., 2025).
    """
    gradients, updates = observations["gradient_norm"], observations["update_norm"]
    if len(gradients) < _SAMPLES_OF_UPDATES or observations.outcome.is_good:
        return
    still = (updates == 0.0).all(axis=0) & _would_move(observations)
    still &= np.array([_is_free(observations, n.name) for n in observations.layers])
    if not still.any():
        return
    names = [n.name for n, each in zip(observations.layers, still) if each]
    alone = bool((updates[:, ~still] > 0.0).any())
    rate = _rates(observations)
    zero = bool(len(rate) and (rate == 0.0).all())
    yield whole(
        observations,
        "not-updated",
        "error",
        names[0] if alone else None,
        f"{_listed(names)} had a gradient in each of {len(updates)} samples (norm "
        f"{np.median(gradients[:, still]):.2g}), and no weight has changed"
        + (": the learning rate is 0" if zero else ""),
        "Look at what sets the learning rate: a schedule or a callback may set it to 0."
        if zero
        else "Look at what comes between gradient and weights: multipliers of "
        "gradients, the list of variables that is handed to `optimizer.apply`, "
        "callbacks that put weights back.",
        0.95,
    )


def _would_move(observations: Observations) -> np.ndarray:
    """Returns for each layer whether such gradients change weights visibly."""
    gradients, weights = observations["gradient_norm"], observations["weight_norm"]
    rate = _rates(observations)
    if len(rate) and (rate == 0.0).all():
        steps = np.full_like(gradients, np.inf)
    elif len(rate) and observations.structure.optimizer in _SCALED:
        steps = np.broadcast_to(np.abs(rate)[:, None], gradients.shape)
    else:
        known = np.abs(rate)[:, None] if len(rate) else 1e-3
        steps = known * gradients
    return (
        (gradients > 1e-6 * np.nanmax(gradients, axis=1, keepdims=True))
        & (gradients > 1e-8)
        & (steps > _VISIBLE * weights)
    ).all(axis=0)


def _rates(observations: Observations) -> np.ndarray:
    rates = observations.statistics.get("learning_rate", np.empty(0))
    return rates if np.isfinite(rates).all() else np.empty(0)


def _is_free(observations: Observations, name: str) -> bool:
    """Returns whether nothing holds the weights of a layer where they are."""
    spec = observations.structure.layer(name)
    return spec is None or spec.constraint is None


def clipping_too_strong(observations: Observations) -> Iterator[Finding]:
    """Clipping leaves less than a hundredth of nearly every gradient.

    It is meant for spikes. An optimizer that divides by the size of gradients does not
    mind; the steps of any other become as small.

    References:
        Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent
        neural networks": the limit is to be about the usual norm.
    """
    name, left = _share_left(observations)
    if len(left) < _SAMPLES_OF_CLIPPING or not np.mean(left < _LEFT) > 0.95:
        return
    yield whole(
        observations,
        "clipping-too-strong",
        unless_good(observations),
        None,
        f"`{name}={observations.structure.settings[name]:g}` leaves "
        f"{np.median(left):.1g} of the gradient, in the median of {len(left)} samples; "
        f"nearly all of them are clipped (limit {_LEFT:g})",
        f"Set `{name}` to about the usual size of the gradients, so that it takes hold "
        "at spikes only; `gradient_norm` in the history has it.",
        0.9,
    )


def _share_left(observations: Observations) -> tuple[str, np.ndarray]:
    """Returns the kind of clipping, and for each sample the share that it leaves."""
    settings = observations.structure.settings
    sizes = {
        "clipnorm": lambda: np.nanmedian(observations["gradient_norm"], axis=1),
        "clipvalue": lambda: np.nanmedian(observations["gradient_mean_abs"], axis=1),
        "global_clipnorm": lambda: total(observations, "gradient_norm"),
    }
    for name, sizes_of_gradients in sizes.items():
        limit = settings.get(name, 0.0)
        if limit > 0.0:
            size = sizes_of_gradients()
            known = size[np.isfinite(size) & (size > 0.0)]
            return name, np.minimum(limit / known, 1.0)
    return "", np.empty(0)
