"""The rules: from observations to findings, each a pure function.

A rule speaks only of what lasts, and never of what a training that goes well has
put up with: then it is advice at most.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.exact.calls import random_evaluation
from keras_extras.diagnostics.rules.exact.calls import rows_not_independent
from keras_extras.diagnostics.rules.exact.calls import untracked_variables
from keras_extras.diagnostics.rules.exact.classes import imbalanced_classes
from keras_extras.diagnostics.rules.exact.classes import unshuffled_data
from keras_extras.diagnostics.rules.exact.gradients import clipping_too_strong
from keras_extras.diagnostics.rules.exact.gradients import no_gradient
from keras_extras.diagnostics.rules.exact.gradients import not_updated
from keras_extras.diagnostics.rules.exact.layers import constant_output
from keras_extras.diagnostics.rules.exact.layers import frozen_random_weights
from keras_extras.diagnostics.rules.exact.layers import frozen_statistics
from keras_extras.diagnostics.rules.exact.layers import padding_not_masked
from keras_extras.diagnostics.rules.exact.loss_terms import dominant_loss_term
from keras_extras.diagnostics.rules.exact.optimizers import optimizer_state
from keras_extras.diagnostics.rules.exact.rows import leaked_rows
from keras_extras.diagnostics.rules.exact.rows import repeated_data
from keras_extras.diagnostics.rules.exact.targets import broadcast_loss
from keras_extras.diagnostics.rules.exact.targets import leaked_target
from keras_extras.diagnostics.rules.exact.targets import target_equals_input
from keras_extras.diagnostics.rules.exact.validation import validation_differs
from keras_extras.diagnostics.rules.gradients import exploding_gradient
from keras_extras.diagnostics.rules.gradients import vanishing_gradient
from keras_extras.diagnostics.rules.hidden_activation import hidden_activation
from keras_extras.diagnostics.rules.initialization import bad_initialization
from keras_extras.diagnostics.rules.initialization import self_normalization
from keras_extras.diagnostics.rules.non_finite import non_finite
from keras_extras.diagnostics.rules.outputs.output_loss_mismatch import (
    output_loss_mismatch,
)
from keras_extras.diagnostics.rules.over_regularized import over_regularized
from keras_extras.diagnostics.rules.progress import not_learning
from keras_extras.diagnostics.rules.progress import oscillating_loss
from keras_extras.diagnostics.rules.progress import overfitting
from keras_extras.diagnostics.rules.rates import learning_rate_too_high
from keras_extras.diagnostics.rules.rates import learning_rate_too_low
from keras_extras.diagnostics.rules.scale_of_data import unnormalized_input
from keras_extras.diagnostics.rules.scale_of_data import unscaled_target
from keras_extras.diagnostics.rules.units import dead_units
from keras_extras.diagnostics.rules.units import saturated_activation
from keras_extras.diagnostics.rules.wrong_labels import wrong_labels
from keras_extras.records.finding import Finding

Rule = Callable[[Observations], Iterator[Finding]]

# Judge what was there before any value became NaN or infinite.
RULES: tuple[Rule, ...] = (
    unshuffled_data,
    repeated_data,
    validation_differs,
    leaked_rows,
    imbalanced_classes,
    target_equals_input,
    leaked_target,
    padding_not_masked,
    broadcast_loss,
    untracked_variables,
    optimizer_state,
    constant_output,
    no_gradient,
    not_updated,
    frozen_random_weights,
    frozen_statistics,
    clipping_too_strong,
    dominant_loss_term,
    random_evaluation,
    rows_not_independent,
    output_loss_mismatch,
    hidden_activation,
    bad_initialization,
    over_regularized,
    self_normalization,
    unnormalized_input,
    unscaled_target,
    wrong_labels,
    dead_units,
    saturated_activation,
    vanishing_gradient,
    exploding_gradient,
    learning_rate_too_high,
    learning_rate_too_low,
    oscillating_loss,
    overfitting,
)

__all__ = ["RULES", "Rule", "non_finite", "not_learning"]
