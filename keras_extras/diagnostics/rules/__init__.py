"""The rules: from observations to findings, each a pure function.

A rule speaks only of what lasts, and never of what a training that goes well has
put up with: then it is advice at most.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator

from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.data import unnormalized_input
from keras_extras.diagnostics.rules.data import unscaled_target
from keras_extras.diagnostics.rules.data import wrong_labels
from keras_extras.diagnostics.rules.layers import bad_initialization
from keras_extras.diagnostics.rules.layers import hidden_activation
from keras_extras.diagnostics.rules.layers import over_regularized
from keras_extras.diagnostics.rules.layers import self_normalization
from keras_extras.diagnostics.rules.outputs import output_loss_mismatch
from keras_extras.diagnostics.rules.progress import not_learning
from keras_extras.diagnostics.rules.progress import oscillating_loss
from keras_extras.diagnostics.rules.progress import overfitting
from keras_extras.diagnostics.rules.rates import learning_rate_too_high
from keras_extras.diagnostics.rules.rates import learning_rate_too_low
from keras_extras.diagnostics.rules.statistics import dead_units
from keras_extras.diagnostics.rules.statistics import exploding_gradient
from keras_extras.diagnostics.rules.statistics import non_finite
from keras_extras.diagnostics.rules.statistics import saturated_activation
from keras_extras.diagnostics.rules.statistics import vanishing_gradient
from keras_extras.records.finding import Finding

Rule = Callable[[Observations], Iterator[Finding]]

# Judge what was there before any value became NaN or infinite.
RULES: tuple[Rule, ...] = (
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
