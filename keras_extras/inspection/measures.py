"""The names of what callbacks can ask to have measured."""

from __future__ import annotations

HYPERPARAMETERS = "hyperparameters"
GRADIENTS = "gradients"
UPDATES = "updates"
LIMITS = "limits"
ACTIVATIONS = "activations"
GRADIENT_HISTOGRAMS = "gradient histograms"
ACTIVATION_HISTOGRAMS = "activation histograms"
BATCHES = "batches"

OF_OUTPUTS = frozenset({ACTIVATIONS, ACTIVATION_HISTOGRAMS})
OF_GRADIENTS = frozenset({GRADIENTS, UPDATES, GRADIENT_HISTOGRAMS})
# What takes a dry run of the step, and weights; hyperparameters need neither.
OF_STEPS = OF_OUTPUTS | OF_GRADIENTS | {LIMITS, BATCHES}
