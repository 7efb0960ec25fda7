"""The rule: the targets have nothing to do with the inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.loss_names import CLASSIFICATION
from keras_extras.diagnostics.neighbours import relation
from keras_extras.diagnostics.neighbours import takes_tokens
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import OTHER_DATA
from keras_extras.diagnostics.rules.common import update_ratio
from keras_extras.diagnostics.rules.common import whole
from keras_extras.records.finding import Finding


def wrong_labels(observations: Observations) -> Iterator[Finding]:
    """Nothing about the targets can be learnt from the inputs.

    Said when the model learns the training data and is no better than a constant on
    other data, or when it learns nothing although neighbours in the data would have
    told the targets if they were related.

    References:
        Zhang et al. (2017), "Understanding deep learning requires rethinking
        generalization"; TheDeepChecker's test with shuffled labels.
    """
    outputs = observations.structure.outputs
    if len(outputs) != 1:
        return
    constant = _constant_targets(observations)
    if constant is not None:
        yield constant
        return
    outcome = observations.outcome
    if (
        not outcome.baseline > 0
        or observations.nonfinite is not None
        or _is_damaged(observations)
    ):
        return
    train = 1.0 - outcome.last / outcome.baseline
    validation = observations.epochs.get("val_loss", np.empty(0))
    if train > 0.03 and _learnt_in_vain(observations, validation):
        yield _unrelated(
            observations,
            f"the training loss falls to {outcome.last:.3g}, the validation loss "
            f"never below {validation.min():.3g}, what a constant prediction has "
            f"({outcome.baseline:.3g})",
            0.8,
        )
    elif (
        outcome.is_poor
        and abs(train) < 0.03
        and _nothing_to_learn(observations, validation)
    ):
        yield _unrelated(
            observations,
            f"the loss stays at {outcome.last:.3g}, what a constant prediction has "
            f"({outcome.baseline:.3g}), and inputs that are alike have unlike targets",
            0.65,
        )


def _nothing_to_learn(observations: Observations, validation: np.ndarray) -> bool:
    """Returns whether nothing speaks for a relation between inputs and targets."""
    if np.isnan(observations.outcome.chance):
        return False  # a quantity may well be all noise
    if takes_tokens(observations):
        return False  # their order may tell what neighbours in tokens do not
    better = len(validation) and validation.min() < 0.99 * observations.outcome.baseline
    return not better and _at_chance(observations) and relation(observations) < 1.5


def _learnt_in_vain(observations: Observations, validation: np.ndarray) -> bool:
    """Returns whether what was learnt is no better than a constant on other data."""
    if len(validation) < 3 or not np.isfinite(validation).all():
        return False
    outcome = observations.outcome
    # Where little was learnt as yet, more epochs may tell, and the signal may be weak.
    worse = validation[-1] >= 1.03 * validation.min()
    settled = validation[-1] > 0.985 * validation[int(0.7 * len(validation))]
    if not worse and not (settled and outcome.last < 0.8 * outcome.baseline):
        return False
    lowest = (validation.min() - outcome.penalty) / outcome.baseline
    # Other data may have less to tell apart, and then the first epoch is their best.
    never = 0.97 < lowest < OTHER_DATA
    downhill = validation.argmin() == 0 and validation[-1] > 1.1 * validation.min()
    never |= 0.85 < lowest <= 0.97 and downhill
    return bool(never and _at_chance(observations) and relation(observations) < 2.5)


def _is_damaged(observations: Observations) -> bool:
    """Returns whether large steps or dead layers explain that nothing is learnt."""
    updates = update_ratio(observations)[:10]
    dead = observations["activation_dead_fraction"][-1:]
    return bool((updates > 0.1).any() or (dead >= 0.95).any())


def _unrelated(observations: Observations, evidence: str, confidence: float) -> Finding:
    return whole(
        observations,
        "wrong-labels",
        "warning",
        None,
        evidence,
        "Look at some pairs of inputs and targets: were they shuffled, sorted or read "
        "apart from each other? Shuffle both with one permutation.",
        confidence,
    )


def _constant_targets(observations: Observations) -> Finding | None:
    y = targets_of(observations.batches)
    if y is None or len(y) < 64 or not np.isfinite(y).all() or not np.all(y == y[0]):
        return None
    # Others aim at one value on purpose: a generator at "real", an equation at 0.
    if observations.structure.outputs[0].loss not in CLASSIFICATION:
        return None
    if any(
        spec.weights and not spec.trainable for spec in observations.structure.layers
    ):
        return None
    return whole(
        observations,
        "wrong-labels",
        "warning",
        None,
        f"all of {len(y)} targets that were sampled are the same",
        "Check how the targets were made, and that the data are shuffled.",
        0.85,
    )


def _at_chance(observations: Observations) -> bool:
    """Returns whether no validation accuracy is better than that of a constant."""
    chance = observations.outcome.chance
    for name in ("val_accuracy", "val_acc"):
        if name in observations.epochs and np.isfinite(chance):
            return bool(observations.epochs[name].max() < chance + 0.08)
    return True
