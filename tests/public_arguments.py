"""Every argument of what is public, with values that it may not have."""

import inspect

import keras
import keras_tuner
import numpy as np

from keras_extras import callbacks
from keras_extras import constraints
from keras_extras import evaluation
from keras_extras import layers
from keras_extras import optimizers
from keras_extras import schedules
from keras_extras import tuner
from keras_extras import uncertainty

MODULES = (
    callbacks,
    constraints,
    evaluation,
    layers,
    optimizers,
    schedules,
    tuner,
    uncertainty,
)


class Thing:
    """Nothing that any argument takes."""


# By name, what is nonsense for nearly every argument.
NONSENSE = {
    "None": None,
    "an object": Thing(),
    "a class": Thing,
    "NaN": float("nan"),
    "zero": 0,
    "negative": -1,
    "nothing": (),
    "a typo": "sofmax",
}

rng = np.random.default_rng(0)
X = rng.normal(size=(12, 4)).astype("float32")
Y = np.arange(12) % 2
P = np.array([[0.9, 0.1], [0.2, 0.8]])


def model():
    stack = [
        keras.layers.Dense(3, activation="relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(2, activation="softmax"),
    ]
    made = keras.Sequential([keras.Input((4,)), *stack])
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


def hp():
    return keras_tuner.HyperParameters()


def build(parameters):
    return model()


def never():
    raise AssertionError("a training was about to start")


def search():
    """A tuner that has searched nothing, nor written anything."""
    return object.__new__(keras_tuner.RandomSearch)


def prediction():
    return uncertainty.mc_predict(model(), X, samples=2, seed=0, verbose=0)


def reliability():
    return uncertainty.reliability_curve([0, 1], P)


# For each public name the arguments that it needs, made when they are asked for.
NEEDED = {
    "FreezeUnfreeze": lambda: {"unfreeze_at": 1},
    "HyperparameterScheduler": lambda: {"name": "learning_rate", "curve": abs},
    "InferenceModeEvaluation": lambda: {"x": X, "y": Y},
    "ScheduleFreeEvaluation": lambda: {"x": X},
    "ExponentialDecayScheduler": lambda: {"decay_steps": 10},
    "PiecewiseConstantScheduler": lambda: {"boundaries": [1], "values": [1.0, 0.1]},
    "PowerScheduler": lambda: {"decay_steps": 10},
    "InverseSquareRootScheduler": lambda: {"warmup_steps": 10},
    "LinearToZeroScheduler": lambda: {"total_steps": 10},
    "WarmRestartsScheduler": lambda: {"first_steps": 10},
    "WarmupStableDecayScheduler": lambda: {"total_steps": 10},
    "InverseSquareRoot": lambda: {"peak": 0.1, "warmup_steps": 10},
    "LinearToZero": lambda: {"peak": 0.1, "total_steps": 10},
    "WarmRestarts": lambda: {"peak": 0.1, "first_steps": 10},
    "WarmupStableDecay": lambda: {"peak": 0.1, "total_steps": 10},
    "OneCycleScheduler": lambda: {"iterations": 10, "max_rate": 0.1},
    "apply_max_norm": lambda: {"model": model(), "max_value": 1.0},
    "max_norm_for": lambda: {"layer_or_class": keras.layers.Dense},
    "share_at_limit": lambda: {"variables": model().trainable_variables},
    "activation_profile": lambda: {"model": model(), "x": X},
    "check_self_normalizing": lambda: {"model": model(), "x": X, "epochs": 1},
    "learning_curve": lambda: {"build": never, "x": X, "y": Y, "epochs": 1},
    "configured": lambda: {"layer_class": keras.layers.Dense},
    "discriminative_learning_rates": lambda: {"model": model()},
    "Exponential": lambda: {"initial": 0.1, "decay_steps": 10},
    "Interpolation": lambda: {"steps": [0, 1], "values": [1.0, 0.1]},
    "Join": lambda: {"curves": [abs, abs], "boundaries": [1]},
    "OneCycle": lambda: {"iterations": 10, "max_rate": 0.1},
    "OneCycleMomentum": lambda: {"iterations": 10},
    "PiecewiseConstant": lambda: {"boundaries": [1], "values": [1.0, 0.1]},
    "Power": lambda: {"initial": 0.1, "decay_steps": 10},
    "Warmup": lambda: {"curve": schedules.Exponential(0.1, 10), "warmup_steps": 10},
    "UncertaintyLogger": lambda: {"x": X, "y": Y},
    "accuracy_rejection_curve": lambda: {"y_true": [0, 1], "probabilities": P},
    "brier_score": lambda: {"y_true": [0, 1], "probabilities": P},
    "expected_calibration_error": lambda: {"y_true": [0, 1], "probabilities": P},
    "interval_coverage": lambda: {"y_true": [0.0], "mean": [0.0], "std": [1.0]},
    "maximum_calibration_error": lambda: {"y_true": [0, 1], "probabilities": P},
    "mc_dropout": lambda: {"model": model()},
    "mc_predict": lambda: {"model": model(), "x": X, "samples": 2},
    "negative_log_likelihood": lambda: {"y_true": [0, 1], "probabilities": P},
    "plot_rejection": lambda: {
        "curves": uncertainty.accuracy_rejection_curve([0, 1], P)
    },
    "plot_reliability": lambda: {"curves": reliability()},
    "plot_samples": lambda: {"prediction": prediction()},
    "reliability_curve": lambda: {"y_true": [0, 1], "probabilities": P},
    "to_mc": lambda: {"model": model()},
    "DiagnosticHyperModel": lambda: {"hypermodel": build},
    "OneCycleHyperModel": lambda: {"hypermodel": build},
    "PercentilePruner": lambda: {"percentile": 50},
    "batch_size": lambda: {"hp": hp()},
    "dropout": lambda: {"hp": hp()},
    "exponential_decay": lambda: {"hp": hp(), "decay_steps": 10},
    "initializer_and_activation": lambda: {"hp": hp()},
    "max_norm": lambda: {"hp": hp()},
    "one_cycle": lambda: {"hp": hp()},
    "optimizer": lambda: {"hp": hp()},
    "results_table": lambda: {"tuner": search()},
    "trial_findings": lambda: {"tuner": search(), "trial_id": "0"},
    "mc_dropout of a search": lambda: {"hp": hp()},
}


def public():
    """Yields name, function or class, and where it is from, of all that is called."""
    for module in MODULES:
        for name in module.__all__:
            thing = getattr(module, name)
            holds_results = "__dataclass_fields__" in vars(thing)
            if inspect.ismodule(thing) or holds_results or name == "MCPrediction":
                continue
            if name != "configured" and _arguments_are_of_keras(thing):
                continue
            label = name
            if module is tuner and name == "mc_dropout":
                label = "mc_dropout of a search"
            yield label, thing


def _arguments_are_of_keras(thing):
    """Whether Keras reads the arguments, with checks of its own."""
    made = getattr(thing, "layer_class", thing)
    init = getattr(made, "__init__", None)
    module = getattr(init, "__module__", None) or ""
    return isinstance(made, type) and module.startswith("keras.")


def cases():
    """Yields name, argument, what it gets, and the function, for each combination."""
    named = (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )
    for label, thing in public():
        for argument, parameter in inspect.signature(thing).parameters.items():
            if parameter.kind in named:
                for what, value in NONSENSE.items():
                    if value is not parameter.default and not _same(
                        value, parameter.default
                    ):
                        yield label, argument, what, thing


def _same(value, default):
    return type(value) is type(default) and value == default


def error_of(label, argument, what, thing):
    """Returns the error of a call with nonsense for one argument, if there is one."""
    arguments = NEEDED.get(label, dict)()
    arguments[argument] = NONSENSE[what]
    try:
        result = thing(**arguments)
        if hasattr(result, "__enter__"):
            with result:
                pass
    except Exception as error:
        return error
    return None
