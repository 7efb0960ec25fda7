"""Each argument of each callback that schedules refuses what cannot be meant."""

import inspect

import pytest

from keras_extras import callbacks
from keras_extras.callbacks.scheduler import Scheduler

NAN, INF = float("nan"), float("inf")
SCHEDULERS = {
    name
    for name in callbacks.__all__
    if issubclass(getattr(callbacks, name), Scheduler)
    or name in ("FreezeUnfreeze", "LearningRateFinder")
}
# What a callback needs to be made at all.
NEEDED = {
    "ExponentialDecayScheduler": {"decay_steps": 10},
    "FreezeUnfreeze": {"unfreeze_at": 1},
    "InverseSquareRootScheduler": {"warmup_steps": 10},
    "WarmRestartsScheduler": {"first_steps": 10},
    "HyperparameterScheduler": {"name": "momentum", "curve": abs},
    "OneCycleScheduler": {"max_rate": 0.1},
    "PiecewiseConstantScheduler": {"boundaries": [5], "values": [0.1, 0.01]},
    "PowerScheduler": {"decay_steps": 10},
}
COUNTS = [0, -5, 2.5, "many", NAN, INF, 1e12, True]
RATES = [0, -0.1, NAN, INF, 1e9, "high", True]
BAD = {
    "anneal": ["cubic", 1],
    "attempts": COUNTS,
    "directory": [""],
    "batch_normalization": ["thaw", True],
    "boundaries": [[5, 3], [-1], [NAN], [INF], "x", 5, None],
    "cooldown": [-1, NAN, 1e12, "long"],
    "curve": [0.9, None, "cosine"],
    "interrupt": ["yes", None],
    "cycle_momentum": ["yes", None],
    "decay_rate": [0, -0.5, 60, NAN, INF, "fast"],
    "decay_steps": [0, 0.1, -3, NAN, INF, 1e12, "ten"],
    "every": ["batch", 0, 1.5, None, 1e12],
    "factor": [0, -1, 60, NAN, INF, "half"],
    "first_steps": COUNTS,
    "iterations": COUNTS,
    "last": [-1, NAN, INF, 1.5, "low"],
    "last_iterations": COUNTS,
    "last_rate": [-1, NAN, INF, 1e3, "low"],
    "learning_rate": [-1, NAN, INF, 1e9, "low"],
    "m_mul": [0, -1, 1.5, NAN, INF, "half"],
    "max_momentum": [1.0, -0.1, NAN, "high"],
    "max_rate": RATES,
    "min_delta": [-1, NAN, INF, "little"],
    "min_momentum": [1.0, -0.1, NAN, 0.99, "low"],
    "min_rate": [-0.1, NAN, INF, 1e9, "low"],
    "mode": ["up", None, True],
    "monitor": ["", None, 3],
    "multiplier": RATES,
    "name": ["", None, 3],
    "optimizer": ["", 3, [], [3], True],
    "patience": COUNTS,
    "phases": [4, "two", True],
    "power": [0, -1, NAN, INF, 1e6, "two"],
    "preset": ["karras", None],
    "reset_optimizer": ["yes", None, 2],
    "restore_best_weights": ["yes", None, 2],
    "restore": ["no", None, 2],
    "rise": [0, 1, -0.5, NAN, "fast"],
    "rule": ["best", None],
    "shape": ["sqrt", None, 1],
    "smoothing": [1, -0.1, NAN, "much"],
    "staircase": [0.5, "yes", None],
    "step_limit": COUNTS,
    "start": [-1, 1.5, NAN, 1e12, "now"],
    "start_rate": [*RATES, 0.2],
    "steps": [1, 2.5, NAN, 1e12, "many"],
    "stop_factor": [1, -4, NAN, INF, "big"],
    "t_mul": [0, -1, 0.5, 1.0001, 1e6, NAN, INF, "twice"],
    "time_limit": [0, -1, NAN, INF, "an hour"],
    "total_steps": COUNTS,
    "unfreeze_at": [-1, 0.5, [3, 2], "late", None],
    "values": [[0.1], [0.1, 0], [0.1, NAN], [0.1, 1e9], 0.1, None],
    "warmup_steps": [-1, 2.5, NAN, INF, 1e12, "few", None],
    "verbose": ["loud", -1, None, 3],
}
# What can only be judged with the model or the disk at hand.
LATER = {("FreezeUnfreeze", "layers"), ("LearningRateFinder", "log_dir")}


def arguments():
    return [
        (name, argument)
        for name in sorted(SCHEDULERS)
        for argument in inspect.signature(getattr(callbacks, name)).parameters
        if (name, argument) not in LATER
    ]


def test_all_schedulers_are_walked():
    assert {"OneCycleScheduler", "PerformanceScheduler"} < SCHEDULERS
    assert set(NEEDED) <= SCHEDULERS
    assert {argument for _, argument in arguments()} == set(BAD)


@pytest.mark.parametrize(("name", "argument"), arguments())
def test_bad_value_is_refused_by_name(name, argument):
    make = getattr(callbacks, name)
    needed = NEEDED.get(name, {})
    assert make(**needed)
    for value in BAD[argument]:
        if (name, argument) == ("FreezeUnfreeze", "factor") and value == 60:
            continue
        with pytest.raises(ValueError, match=f"`{argument}`") as caught:
            make(**{**needed, argument: value})
        assert "Received: " in str(caught.value)
