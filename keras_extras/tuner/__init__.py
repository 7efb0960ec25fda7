"""Searches with KerasTuner that diagnose trials, and end failing ones early."""

try:
    import keras_tuner as _  # noqa: F401 - only whether it is there
except ImportError as error:
    raise ImportError(
        f"`keras_extras.tuner` needs KerasTuner, which cannot be imported ({error}). "
        "Run: pip install keras-tuner six"
    ) from error

from keras_extras.tuner.batch_size import batch_size
from keras_extras.tuner.diagnostic_hyper_model import DiagnosticHyperModel
from keras_extras.tuner.dropout import dropout
from keras_extras.tuner.exponential_decay import exponential_decay
from keras_extras.tuner.initializer_and_activation import initializer_and_activation
from keras_extras.tuner.max_norm import max_norm
from keras_extras.tuner.mc_dropout import mc_dropout
from keras_extras.tuner.median_pruner import MedianPruner
from keras_extras.tuner.one_cycle import one_cycle
from keras_extras.tuner.one_cycle_hyper_model import OneCycleHyperModel
from keras_extras.tuner.optimizer import optimizer
from keras_extras.tuner.percentile_pruner import PercentilePruner
from keras_extras.tuner.results_table import results_table
from keras_extras.tuner.trial_findings import trial_findings

__all__ = [
    "DiagnosticHyperModel",
    "MedianPruner",
    "OneCycleHyperModel",
    "PercentilePruner",
    "batch_size",
    "dropout",
    "exponential_decay",
    "initializer_and_activation",
    "max_norm",
    "mc_dropout",
    "one_cycle",
    "optimizer",
    "results_table",
    "trial_findings",
]
