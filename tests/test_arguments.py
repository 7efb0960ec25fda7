"""What no argument can be is refused where it is given, in an error that names it."""

import pytest
from public_arguments import NEEDED
from public_arguments import NONSENSE
from public_arguments import cases
from public_arguments import error_of
from public_arguments import public

# What may be given, though it is nonsense elsewhere: by argument, or by name and
# argument where others refuse it.
FLAG = {"zero"}
ALLOWED = {
    "restore": FLAG,
    "optimizer": {"a typo"},  # the name of an attribute, looked up when training starts
    "interrupt": FLAG,
    "live": FLAG,
    "restore_best_weights": FLAG,
    "histograms": FLAG,
    "updates": FLAG,
    "staircase": FLAG,
    "adaptive": FLAG,
    "shared_masks": FLAG,
    "return_samples": FLAG,
    "verbose": FLAG,
    "seed": {"zero"},
    "log_dir": {"a typo"},  # any path
    "name": {"a typo"},  # any name
    "history_size": {"None"},
    "min_epochs": {"zero"},
    "min_momentum": {"zero"},
    "last_rate": {"zero"},
    ("CooldownAtStop", "monitor"): {"a typo"},
    ("CooldownAtStop", "min_delta"): {"zero"},
    ("CooldownAtStop", "patience"): {"None"},
    ("RecoverFromNaN", "directory"): {"a typo"},  # any path
    ("ActivationLogger", "layers"): {"a typo", "nothing"},  # for some other model
    ("GradientLogger", "layers"): {"a typo", "nothing"},
    ("TrainingDiagnostics", "layers"): {"a typo", "nothing"},
    ("TrainingDiagnostics", "replay"): FLAG,
    ("FreezeUnfreeze", "layers"): {"a typo"},
    ("FreezeUnfreeze", "reset_optimizer"): FLAG,
    ("InferenceModeEvaluation", "sample_size"): {"None"},
    ("InferenceModeEvaluation", "prefix"): {"a typo"},
    ("LearningRateFinder", "smoothing"): {"zero"},
    ("LearningRateFinder", "stop_factor"): {"None"},
    ("OneCycleScheduler", "cycle_momentum"): FLAG,
    ("OneCycleScheduler", "start"): {"zero"},
    ("PerformanceScheduler", "monitor"): {"a typo"},
    ("PerformanceScheduler", "min_delta"): {"zero"},
    ("PerformanceScheduler", "min_rate"): {"zero"},
    ("Warmup", "start"): {"zero"},
    ("WarmRestarts", "last"): {"zero"},
    ("WarmRestartsScheduler", "last"): {"zero"},
    ("Cosine", "initial_learning_rate"): {"zero"},
    ("Cosine", "alpha"): {"zero"},
    ("Cosine", "warmup_target"): {"None", "zero"},
    ("Cosine", "warmup_steps"): {"zero"},
    ("Polynomial", "initial_learning_rate"): {"zero"},
    ("Polynomial", "end_learning_rate"): {"zero"},
    ("Polynomial", "cycle"): FLAG,
    ("LinearToZeroScheduler", "start"): {"zero"},
    ("WarmupStableDecayScheduler", "start"): {"zero"},
    ("apply_max_norm", "max_value"): {"None"},
    ("share_at_limit", "variables"): {"nothing"},  # those of a layer without any
    ("plot_samples", "row"): {"negative"},  # from the end
    ("DiagnosticHyperModel", "stop_on"): {"nothing"},
    ("PercentilePruner", "percentile"): {"zero"},
    ("trial_findings", "trial_id"): {"a typo"},
    ("learning_curve", "metric"): {"a typo"},
}


def is_allowed(label, argument, what):
    both = ALLOWED.get(argument, set()) | ALLOWED.get((label, argument), set())
    return what in both


@pytest.mark.parametrize("label", dict.fromkeys(label for label, _ in public()))
def test_nonsense_is_refused_with_the_name_of_the_argument(label):
    accepted = []
    for name, argument, what, thing in cases():
        if name == label and not is_allowed(name, argument, what):
            error = error_of(name, argument, what, thing)
            is_named = f"`{argument}`" in str(error)
            if not isinstance(error, ValueError | TypeError) or not is_named:
                accepted.append(f"{argument} with {what}: {error!r}")
    assert accepted == []


def test_tables_hold_what_is_public_and_nothing_else():
    arguments = {(label, argument) for label, argument, _, _ in cases()}
    names = {argument for _, argument in arguments}
    unknown = [
        key
        for key in ALLOWED
        if (key not in arguments if isinstance(key, tuple) else key not in names)
    ]
    assert unknown == []
    assert set(NEEDED) - {label for label, _ in public()} == set()
    assert set().union(*ALLOWED.values()) <= set(NONSENSE)
